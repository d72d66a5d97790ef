"""Everything done on this machine."""
