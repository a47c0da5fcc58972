"""The admin API: what operators and their programs ask the node, one table of endpoints and a module for each theme."""
