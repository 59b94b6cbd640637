"""FAQ: a question in words against the questions that a card issuer is asked most."""
