"""The HTTP door: one handler behind Azure Functions routes and behind a container's server."""
