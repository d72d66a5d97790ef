"""The pages of the local GitHub: threads to read and write on, and what can be broken."""
