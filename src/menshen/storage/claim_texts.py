"""Columns such as ``claims``: names and texts of a user, as one JSON object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

__all__ = ["named_claims", "read_claims", "written_claims"]

_decode = msgspec.json.Decoder(dict[str, str]).decode


def read_claims(text: str) -> dict[str, str]:
    return {} if text == "{}" else _decode(text)


def written_claims(claims: Mapping[str, str]) -> str:
    return msgspec.json.encode(dict(claims), order="deterministic").decode() if claims else "{}"


def named_claims(claims: Mapping[str, str], names: Iterable[str]) -> str:
    """Those of the claims that have one of these names, written."""
    return written_claims({name: claims[name] for name in names if name in claims})
