"""The command line: it wires the parts together."""
