"""The ways to run one item."""
