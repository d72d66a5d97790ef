"""The bot's own pages of batches, live, and the same as JSON; they only read."""
