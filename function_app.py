"""The Functions worker looks for this file, then imports the package of the same name."""
