"""What happens next in a batch, and what has happened."""
