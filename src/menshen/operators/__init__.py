"""Who may do what on the admin address: operators, their roles, their sessions and tokens."""
