"""What was scored, how fast and by which model: observers that receive frozen facts."""
