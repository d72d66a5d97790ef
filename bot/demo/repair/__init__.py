"""The command that the demo names for ``implement``: a small automatic repair."""
