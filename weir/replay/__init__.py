"""`weir replay`: its options, what they come to, and what it shows."""
