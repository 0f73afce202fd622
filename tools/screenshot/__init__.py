"""A terminal for programs that draw on one, and pictures of it."""
