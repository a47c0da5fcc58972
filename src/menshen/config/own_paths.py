"""Paths below ``listener.client_api`` that the gateway serves itself: no API of a document may have them for its own.

Envoy's routes, the brain's endpoints and the checks of a document are all made from this one list.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from menshen.config.snapshot import Snapshot

__all__ = ["OWN_PATHS", "served_paths"]

_PUSHES: Final = "wechat/component/"

OWN_PATHS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "token": ("POST",),
        "logout": ("POST",),
        "sessions": ("GET",),
        "login": ("POST",),
        "login/phone": ("POST",),
        "login/sms": ("POST",),
        "register": ("POST",),
        "sms": ("POST",),
        "password/reset": ("POST",),
        "me": ("GET", "PATCH", "POST"),
        "me/password": ("POST",),
        "me/avatar": ("POST", "DELETE"),
        "me/identities": ("GET",),
        "me/bind": ("POST",),
        "me/unbind": ("POST",),
        "me/phone": ("POST",),
        "me/phone/get": ("POST",),
        "me/close": ("POST",),
        "avatars/": ("GET",),
        "authing/connections/social/wechat-miniprogram/auth": ("POST",),
        "authing/connections/social/wechat-miniprogram/auth-by-phone": ("POST",),
        "authing/connections/social/wechat-miniprogram/getphone": ("POST",),
        "authing/graphql/v2": ("POST",),
        "authing/api/v2/logout": ("GET",),
        "authing/api/v2/upload": ("POST",),
        _PUSHES: ("POST",),
        "openapi.json": ("GET",),
    }
)
"""Path -> methods. One that ends in a slash is everything below it."""


def served_paths(snapshot: Snapshot) -> Mapping[str, tuple[str, ...]]:
    """Those that there are: none where ``listener.client_api`` is switched off, or where nobody can log in.

    But tickets are taken from the first: without one no customer can authorise the component that logs his users in.
    """
    if not snapshot.listener.client_api.rstrip("/"):
        return {}
    if any(route.login is not None for route in snapshot.routes):
        return OWN_PATHS
    return {_PUSHES: OWN_PATHS[_PUSHES]} if snapshot.components else {}
