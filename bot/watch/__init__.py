"""Verb 1, watch: a loss is noticed once, however it shows itself."""
