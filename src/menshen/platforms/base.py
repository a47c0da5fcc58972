"""What a platform adapter is.

An adapter does no I/O: a flow is a generator that yields :class:`PlatformRequest` and is sent a
:class:`PlatformReply`, and returns its result. ``client.py`` drives it over the network, tests drive it by hand. A
platform that needs two calls for a login (a token first, say) yields twice; callers do not notice.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from menshen.config.snapshot import App
from menshen.secret import Secret

__all__ = ["Flow", "Platform", "PlatformIdentity", "PlatformReply", "PlatformRequest"]


@dataclass(frozen=True, slots=True)
class PlatformRequest:
    """One HTTP call to a platform. ``query`` values are encoded by the client, never spliced (attack class 34)."""

    method: str
    url: str
    query: Mapping[str, Secret | str] = field(default_factory=dict)
    json: Mapping[str, Secret | str] | None = None
    form: Mapping[str, Secret | str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlatformReply:
    """A complete answer, already capped in size. The body is not decoded: content types lie here.

    It is not in the repr either: it holds a session_key.
    """

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlatformIdentity:
    """Who the platform says logged in. ``unionid`` is "" where the platform gave none."""

    openid: str
    unionid: str
    session_key: Secret


Flow = Generator[PlatformRequest, PlatformReply, PlatformIdentity]


class Platform(Protocol):
    """One platform. A flow raises the platform refusals of ``menshen.errors``, with the platform's errcode."""

    name: str
    plugin_type: str
    default_base_url: str
    code_pattern: re.Pattern[str]

    def code2session(self, app: App, code: str) -> Flow: ...
