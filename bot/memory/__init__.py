"""What we remember, by noun; storage/ implements all of it."""
