"""The header sets that carry an identity to a backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from menshen.config.snapshot import IdentityField

__all__ = ["PRESETS", "IdentityHeaders", "Preset"]

Preset = Literal["menshen", "cloudrun"]
IdentityHeaders = tuple[tuple[IdentityField, str], ...]
"""Pairs of an identity field and the lower-case name of the header that carries it."""

PRESETS: Mapping[Preset, IdentityHeaders] = {
    "menshen": (
        ("user", "x-menshen-user"),
        ("platform", "x-menshen-platform"),
        ("appid", "x-menshen-appid"),
        ("openid", "x-menshen-openid"),
        ("unionid", "x-menshen-unionid"),
        ("session", "x-menshen-session"),
        ("assertion", "x-menshen-assertion"),
    ),
    # As WeChat cloud hosting sends them, so that a backend written for it runs unchanged.
    "cloudrun": (
        ("openid", "x-wx-openid"),
        ("appid", "x-wx-appid"),
        ("unionid", "x-wx-unionid"),
        ("source", "x-wx-source"),
    ),
}
