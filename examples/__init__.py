"""Worked scenarios that train, convert and run."""
