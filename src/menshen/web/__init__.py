"""ASGI: the authorization endpoint and the admin endpoints."""
