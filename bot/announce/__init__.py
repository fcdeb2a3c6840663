"""What is said without an outage: logins that end soon, colleagues who leave, the week in one message."""
