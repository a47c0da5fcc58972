"""Calls to services of the team's own: verifier of accounts, sender of text messages, check of captchas."""
