"""A local GitHub to try the bot on; also what the tests talk to."""
