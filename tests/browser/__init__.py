"""Both sides of a conversation in a real browser, against a real Chip that runs alone."""
