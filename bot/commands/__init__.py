"""The commands of `redkey`, by subject."""
