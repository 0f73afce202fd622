"""The commands of ``tools/bench``: one figure each."""
