"""The form of a dry run: what a visitor writes about a request, as a question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from menshen.documents.way import Question
from menshen.web.console.view import Visit

__all__ = ["METHODS", "Asked", "asked_of", "question_of"]

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_LONGEST: Final = 8192
_MOST: Final = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields as they were written. Tags and cookies are lines ``name=value``, headers lines ``name: value``."""

    host: str = "localhost"
    method: str = "GET"
    path: str = ""
    query: str = ""
    user: str = ""
    request_id: str = ""
    tags: str = ""
    headers: str = ""
    cookies: str = ""


def asked_of(visit: Visit) -> Asked:
    def field(name: str) -> str:
        return visit.text(f"ask-{name}")[:_LONGEST]

    method = field("method")
    return Asked(
        field("host").strip() or "localhost",
        method if method in METHODS else "GET",
        field("path").strip(),
        field("query").strip(),
        field("user").strip(),
        field("request_id").strip(),
        field("tags"),
        field("headers"),
        field("cookies"),
    )


def question_of(asked: Asked) -> Question:
    """Lines that say nothing are passed over."""
    path = asked.path if asked.path.startswith("/") else f"/{asked.path}"
    cookies = "; ".join(f"{name}={value}" for name, value in _pairs(asked.cookies, "="))
    headers = {name.lower(): value for name, value in _pairs(asked.headers, ":")}
    return Question(
        path=f"{path}?{asked.query.removeprefix('?')}" if asked.query else path,
        host=asked.host,
        method=asked.method,
        tags=dict(_pairs(asked.tags, "=")),
        user=asked.user,
        request_id=asked.request_id,
        headers={**headers, "cookie": cookies} if cookies else headers,
    )


def _pairs(text: str, sign: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines()[:_MOST]:
        name, found, value = line.partition(sign)
        if found and name.strip():
            yield name.strip(), value.strip()
