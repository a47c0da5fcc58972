"""Snapshot to Envoy resources, one file per Envoy concept, and the child process that runs them."""
