"""The demonstration: a broker inside the process, paced traffic, and a worker that scores it."""
