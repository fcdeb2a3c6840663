"""Slack: one file per thing a person does; messages.py says how it looks; voice.py speaks; workspace.py joins it all.

Reading order: messages.py → alert_card.py → claim_button.py → voice.py → workspace.py.
"""
