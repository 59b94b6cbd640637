"""Azure Event Hubs as a source and as a sink."""
