"""What arrives, and how we look: Slack in slack/, web pages and the API in web/, our languages in words.py and locale/."""
