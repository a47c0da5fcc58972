"""The user API: what mini programs ask the gateway itself, one table of endpoints and a module for each theme."""
