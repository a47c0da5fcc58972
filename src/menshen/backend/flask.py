"""Flask extension: ``flask.request.user``."""

from __future__ import annotations

from typing import Any

import flask

from menshen.backend.callers import Source, who
from menshen.backend.headers import forget_plain, wsgi_headers
from menshen.backend.refusals import BackendRefusal

__all__ = ["MenshenUser"]


class MenshenUser:
    """``MenshenUser(app, source)``, or ``init_app`` later. Both arguments are those of the ASGI middleware."""

    def __init__(self, app: flask.Flask | None = None, source: Source | None = None, *, optional: bool = False) -> None:
        self._source = source
        self._optional = optional
        if app is not None:
            self.init_app(app, source)

    def init_app(self, app: flask.Flask, source: Source | None = None) -> None:
        """Raises ``ValueError`` without a source: an application that verifies nobody must not start."""
        known = source or self._source
        if known is None:
            raise ValueError("MenshenUser needs a Verifier, or TrustedNetwork()")

        def identify() -> Any:
            return _identify(known, optional=self._optional)

        app.before_request(identify)


def _identify(source: Source, *, optional: bool) -> Any:
    """None lets the request through."""
    request: Any = flask.request
    try:
        user = who(source, wsgi_headers(request.environ), optional=optional)
    except BackendRefusal as refusal:
        return flask.jsonify(refusal.body), refusal.status
    request.user = user
    if not source.believes_headers:
        forget_plain(request.environ)
    return None
