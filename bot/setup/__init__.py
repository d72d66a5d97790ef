"""``setup``: registers the app on GitHub, and leaves the bot ready to run."""
