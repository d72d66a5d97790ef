"""What is certain about a pull request, as one review. Values in, a value out."""
