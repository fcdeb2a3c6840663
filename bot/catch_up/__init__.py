"""Verb 4, catch up: what is moved, every day and after an outage."""
