"""``python -m menshen``."""

from menshen.cli import main

if __name__ == "__main__":
    main()
