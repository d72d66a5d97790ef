"""How a command and GitHub's facts become a plan."""
