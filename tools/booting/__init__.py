"""What tools/systemd runs inside the machine that it boots: Debian's Python, and nothing else."""
