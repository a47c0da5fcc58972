"""Authing's user, and where his picture is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from menshen.config.presets import presets
from menshen.gateway.issue import Caller
from menshen.gateway.request import AuthRequest
from menshen.web.user_api.authing.user import AuthingUser, avatar_url
from menshen.web.user_api.call import Call
from tests.gateway.samples import NOW
from tests.web.user_api.asking import SNAPSHOT


def url(**headers: str) -> str:
    request = AuthRequest(
        "POST x", {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    )
    states: Any = None
    return avatar_url(Call(request, "", SNAPSHOT, (), states, Caller("192.0.2.1", "", "r1"), NOW, None), "a.png")


@pytest.mark.parametrize("host", ["gw.example.com", "gw.example.com:8443", "127.0.0.1:8080", "[2001:db8::1]:443"])
def test_a_picture_is_where_the_client_asked(host: str) -> None:
    assert url(host=host) == f"http://{host}/v1/avatars/a.png"
    assert url(host=host, x_forwarded_proto="https") == f"https://{host}/v1/avatars/a.png"


@pytest.mark.parametrize("host", ["", "a b", "evil.example.com/x?", "user@evil.example.com", 'x"', "a,b", "a:b"])
def test_a_host_that_is_none_is_not_repeated(host: str) -> None:
    assert url(host=host) == "/v1/avatars/a.png"


def test_a_login_at_a_route_tells_of_the_user_in_the_same_words() -> None:
    """The preset's reply and this wire are for one client."""
    fields = {field.encode_name for field in msgspec.structs.fields(AuthingUser)}
    assert set(presets()["authing"]["reply"]["data"]) <= fields
