"""What models this machine holds: content-addressed files, the releases that use them, and how files get here."""
