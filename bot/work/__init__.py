"""Who does what, when: ticks, turns, claims, and what becomes of them when a process ends."""
