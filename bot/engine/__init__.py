"""Coordination: what runs when, and what is written down about it."""
