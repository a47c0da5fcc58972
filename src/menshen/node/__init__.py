"""One running gateway: its workers, its Envoy, its revisions."""
