"""What GitHub tells, and the rules it goes by."""
