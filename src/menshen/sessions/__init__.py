"""Login states: how they are made and opened."""
