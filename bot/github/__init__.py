"""Everything said to GitHub."""
