"""Slack: listeners/ hears what people do, looks/ says how we look, line/ carries it; workspace.py joins it all.

Reading order: looks/messages.py → looks/alert_card.py → listeners/claim_button.py → line/voice.py → workspace.py.
"""
