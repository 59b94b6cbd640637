"""The stream door: sources, sinks, dead letters and the run loop."""
