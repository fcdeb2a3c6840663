"""Verb 5, confirm: when everything that was missed has arrived, and the source agrees."""
