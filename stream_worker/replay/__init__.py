"""Replay: archives of past events, scored again to the same bytes."""
