"""`python -m bot` is `redkey`."""

import sys

if __name__ == "__main__":
    try:
        from bot.cli import main

        main()
    except KeyboardInterrupt:  # somebody was quicker than the imports
        sys.exit(130)
