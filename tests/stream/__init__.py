"""The stream door, without a network where that is enough and on real brokers where it is not."""
