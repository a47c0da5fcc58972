"""The gateway as a middleware of one Python application: no Envoy, no second process."""

from __future__ import annotations

from menshen.asgi.middleware import MenshenMiddleware

__all__ = ["MenshenMiddleware"]
