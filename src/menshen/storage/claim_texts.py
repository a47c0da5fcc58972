"""The ``claims`` columns: names and texts of a user, as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["read_claims", "written_claims"]

_decode = msgspec.json.Decoder(dict[str, str]).decode


def read_claims(text: str) -> dict[str, str]:
    return {} if text == "{}" else _decode(text)


def written_claims(claims: Mapping[str, str]) -> str:
    return msgspec.json.encode(dict(claims), order="deterministic").decode() if claims else "{}"
