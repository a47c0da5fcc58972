"""ETag, If-Match and If-None-Match of the document (RFC 9110): nobody overwrites what he has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from menshen.documents.configuration import ANY
from menshen.web.admin_api.endpoint import BadCall, Call

__all__ = ["CONDITIONS", "REQUIRED", "as_header", "expected_etag", "is_known"]

REQUIRED: Final[Mapping[str, str]] = {
    "If-Match": "The ETag that the last reading came with; `*` is whatever the document is now."
}
CONDITIONS: Final[Mapping[str, str]] = {"If-None-Match": "The ETag of what the caller has: 304 if that is the newest."}

_YAML: Final = "-yaml"
"""A strong ETag is that of one representation: the YAML of the same document has its own."""


def as_header(etag: str, *, yaml: bool = False) -> str:
    return f'"{etag}{_YAML if yaml else ""}"'


def expected_etag(call: Call, current: str) -> str:
    """The ETag that the document must have; of several the one that it has. Raises ``BadCall`` without If-Match."""
    header = call.headers.get("if-match", "").strip()
    if not header:
        raise BadCall('If-Match is missing: send the ETag that the configuration came with, or "*"', 428)
    if header == "*":
        return ANY
    given = {_bare(each) for each in header.split(",")}
    return current if current in given else next(iter(given))


def is_known(call: Call, etag: str, *, yaml: bool = False) -> bool:
    """Whether the caller has what he asks for already."""
    header = call.headers.get("if-none-match", "").strip()
    known = {each.strip().removeprefix("W/") for each in header.split(",")}
    return header == "*" or as_header(etag, yaml=yaml) in known


def _bare(written: str) -> str:
    """Without its quotes; a weak one, and what is no ETag, is nobody's."""
    written = written.strip()
    if len(written) < 2 or not written.startswith('"') or not written.endswith('"'):
        return ""
    return written[1:-1].removesuffix(_YAML)
