"""What an operator should be told of, and that each is told once."""
