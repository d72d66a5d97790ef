"""A GitHub App that runs batches of issues and pull requests from a slash command."""
