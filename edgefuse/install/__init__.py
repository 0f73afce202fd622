"""Putting edgefuse onto a board as a systemd service, and taking it off again; no pixels, no models."""
