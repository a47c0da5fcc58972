"""The header sets that carry an identity to a backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from menshen.config.snapshot import IdentityField

__all__ = ["IDENTITY_CLAIMS", "PRESETS", "ClaimHeaders", "IdentityHeaders", "Preset", "own_claim_header"]

Preset = Literal["menshen", "cloudrun"]
IdentityHeaders = tuple[tuple[IdentityField, str], ...]
"""Pairs of an identity field and the lower-case name of the header that carries it."""

ClaimHeaders = tuple[tuple[str, str], ...]
"""Pairs of a custom claim and the lower-case name of the header that carries it."""

IDENTITY_CLAIMS = ("openid", "unionid", "account")
"""Claims of the identity itself. Every other one is custom: kept in the user record."""

PRESETS: Mapping[Preset, IdentityHeaders] = {
    "menshen": (
        ("user", "x-menshen-user"),
        ("platform", "x-menshen-platform"),
        ("appid", "x-menshen-appid"),
        ("openid", "x-menshen-openid"),
        ("unionid", "x-menshen-unionid"),
        ("account", "x-menshen-account"),
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


def own_claim_header(claim: str) -> str:
    """The header of a custom claim that is not mapped: ``member_level`` in ``x-menshen-claim-member-level``."""
    return f"x-menshen-claim-{claim.replace('_', '-')}"
