"""What may be set, where it is read, and what is said when it is wrong."""
