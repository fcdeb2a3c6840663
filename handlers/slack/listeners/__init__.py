"""What people do in Slack, and what happens in their workspace: one file for each."""
