"""decide() and its parts: login, check, identity headers."""
