"""`weir drift`: what it reads, and what it says of it."""
