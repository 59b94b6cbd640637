"""Stand-ins for Azure's services that speak the real protocols over loopback sockets."""
