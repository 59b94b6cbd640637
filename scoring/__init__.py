"""The core: event bytes to features to scores to prediction bytes. Pure: no I/O, no clock, no environment."""
