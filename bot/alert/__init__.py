"""Verb 2, alert: one living message for each outage, reminders, and ways around a channel that takes none."""
