"""What can be done to an item."""
