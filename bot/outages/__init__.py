"""What is true about an outage: its marks, what it costs, whom its message calls."""
