"""A Django project that is set up wrongly does not start."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from menshen.backend import Keys, TrustedNetwork, Verifier
from menshen.backend.django import _configured
from tests.backend.issuer import Ring

KEYS = "https://gate.example.com/.well-known/jwks.json"


@pytest.mark.parametrize(
    "setting",
    [
        None,
        {},
        {"UPSTREAM": "orders"},
        {"KEYS": KEYS},
        {"UPSTREAM": "orders", "KEYS": ""},
        {"UPSTREAM": "orders", "KEYS": None},
        {"UPSTREAM": ["orders"], "KEYS": KEYS},
        {"UPSTREAM": "orders", "KEYS": KEYS, "TRUSTED_NETWORK": True},
        {"UPSTREAM": "orders", "KEYS": KEYS, "TRUSTED_NETWORK": False},
        {"UPSTREAM": "orders", "KEYS": KEYS, "optional": True},
        {"TRUSTED_NETWORK": False},
        {"TRUSTED_NETWORK": "yes"},
        {"TRUSTED_NETWORK": 1},
        {"TRUSTED_NETWORK": True, "AUDIENCE": "orders"},
    ],
)
def test_anything_but_one_way_is_refused(setting: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="MENSHEN"):
        _configured(setting)


@pytest.mark.parametrize(
    "setting", [{"UPSTREAM": "", "KEYS": KEYS}, {"UPSTREAM": "orders", "KEYS": "http://10.0.0.5/"}]
)
def test_what_the_verifier_refuses_is_refused(setting: Any) -> None:
    with pytest.raises(ValueError, match=r"upstream|https"):
        _configured(setting)


def test_the_ways_that_there_are() -> None:
    ring = Ring()
    for keys in (KEYS, ring.published, Keys(ring.published)):
        source, optional = _configured({"UPSTREAM": "orders", "KEYS": keys})
        assert isinstance(source, Verifier)
        assert optional is False
    source, optional = _configured({"TRUSTED_NETWORK": True, "OPTIONAL": True})
    assert isinstance(source, TrustedNetwork)
    assert optional is True


@pytest.mark.parametrize("said", [False, "yes", 1, None])
def test_login_is_optional_only_where_that_is_said(said: object) -> None:
    assert _configured({"TRUSTED_NETWORK": True, "OPTIONAL": said})[1] is False
