"""`python -m bot` is `redkey`."""

from bot.cli import main

if __name__ == "__main__":
    main()
