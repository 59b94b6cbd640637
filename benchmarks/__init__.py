"""One script for each question; each prints a ratio measured in one run."""
