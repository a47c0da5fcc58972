"""Pages around people and operations: users, sessions, the login log, keys, webhooks."""
