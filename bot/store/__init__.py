"""Everything remembered, in SQLite."""
