"""GitHub's REST API as far as the bot, and people who try it, need it."""
