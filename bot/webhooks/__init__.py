"""What is told to other programs."""
