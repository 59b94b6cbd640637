"""The protocols of the HTTP door: each turns bodies into events, and outcomes into bodies."""
