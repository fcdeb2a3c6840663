"""What a person may ask for, and what the pages show."""
