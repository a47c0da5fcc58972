"""Numbers of what the gateway does: counted where it happens, added up over processes, nodes and time."""
