"""The user pool."""
