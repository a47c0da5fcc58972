"""How changes reach users: revisions and the way back, canaries and the dry run."""
