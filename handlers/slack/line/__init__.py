"""The line to Slack: what we send, how fast, what its answers mean, and how its requests reach us."""
