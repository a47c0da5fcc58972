"""The plugin types that are no login plugins, one a file: what an operator writes, and the rules that come of it."""
