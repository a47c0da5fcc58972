"""Try it: a phone that logs in through this very gateway, beside what each of its calls brought about."""
