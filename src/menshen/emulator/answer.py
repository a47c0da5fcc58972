"""One answer of a faked platform, before it becomes HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer", "encode"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, after ``delay`` seconds. ``silent``: nothing goes back, the connection just stays."""

    body: bytes
    content_type: str
    status: int = 200
    location: str = ""
    delay: float = 0.0
    silent: bool = False
    headers: tuple[tuple[str, str], ...] = ()


def encode(fields: dict[str, Any]) -> bytes:
    """Compact UTF-8 JSON, the way the platforms write it."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
