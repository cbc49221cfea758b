"""What every adapter of one kind must do, as tests that each of them subclasses."""
