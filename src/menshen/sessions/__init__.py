"""Login states: what they say, how they are sealed, the keys they are sealed with."""
