"""Logins kept fresh: refreshed by one worker at a time, in turn, and given back at their platform."""
