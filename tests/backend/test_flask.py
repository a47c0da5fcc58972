"""The extension without an application or a source."""

from __future__ import annotations

import flask
import pytest

from menshen.backend import TrustedNetwork
from menshen.backend.flask import MenshenUser
from tests.backend.issuer import UID


def application() -> flask.Flask:
    app = flask.Flask("orders")
    app.add_url_rule("/me", view_func=lambda: str(flask.request.user.uid))  # type: ignore[attr-defined]
    return app


def test_an_application_that_verifies_nobody_does_not_start() -> None:
    with pytest.raises(ValueError, match="Verifier"):
        MenshenUser(application())
    with pytest.raises(ValueError, match="Verifier"):
        MenshenUser().init_app(application())


def test_the_source_may_come_with_either_call() -> None:
    early, late = application(), application()
    MenshenUser(source=TrustedNetwork()).init_app(early)
    MenshenUser().init_app(late, TrustedNetwork())
    for app in (early, late):
        client = app.test_client()
        assert client.get("/me", headers={"X-Menshen-User": UID}).text == UID
        assert client.get("/me").status_code == 401
