"""How it looks: facts in, words and blocks out. Nothing here asks or sends anything."""
