"""The bot shown on the local GitHub: the main job, its program and its seed."""
