"""Plugin types of an installation: Python code of the team's, found by the entry point group ``menshen.plugins``.

An entry point's name is the ``type`` that documents write. It names an object, or a class to make one of, with::

    Parameters: type[pydantic.BaseModel]      # what an operator writes under ``parameters``; unknown keys are refused
    headers: tuple[str, ...] = ()             # request headers that it sets for the backend
    tags: tuple[str, ...] = ()                # tags that it sets; they are trusted, as those of an identity
    reads: tuple[str, ...] = ()               # request headers that it is shown
    cookies: tuple[str, ...] = ()             # cookies that it is shown

    def decide(self, parameters, request: PluginRequest) -> Pass | Refuse

and, where one of Envoy's own filters shall do a part of the work::

    response_headers: tuple[str, ...] = ()    # headers that the filter may set on answers
    envoy_filter: EnvoyMessage                # the filter
    def envoy(self, parameters, route: PluginRoute) -> EnvoyMessage | None      # its settings on a route

``decide`` is called in the worker for every request and holds up all others meanwhile: it is pure and quick, and waits
for nothing. One that raises or answers anything else has failed, and the request is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from menshen.config.custom_types import PluginRoute
from menshen.config.wording import refuse as parameter_error

__all__ = [
    "GROUP",
    "EnvoyMessage",
    "Pass",
    "PluginIdentity",
    "PluginRequest",
    "PluginRoute",
    "Refuse",
    "parameter_error",
]

GROUP: Final = "menshen.plugins"


@dataclass(frozen=True, slots=True)
class PluginIdentity:
    """Who is logged in. ``session`` is the session's id, which opens nothing; ``claims`` are those of the user record
    that the login state carries."""

    uid: str
    platform: str
    app: str
    appid: str
    openid: str
    unionid: str
    account: str
    session: str
    claims: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PluginRequest:
    """A request whose route and caller are certain. There is no credential in it, nor a tag that a client chose.

    ``path`` is in Envoy's normal form, ``query`` as the client sent it but for login codes and states. Both are still
    percent-encoded. ``headers`` and ``cookies`` have those of the type's ``reads`` and ``cookies`` that were sent.
    ``identity`` is None where nobody is logged in: on an optional route, or where no login plugin is bound. ``now`` is
    in Unix seconds.
    """

    route: str
    group: str
    api: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    ip: str
    request_id: str
    identity: PluginIdentity | None
    now: float


@dataclass(frozen=True, slots=True)
class Pass:
    """Let the request through. A header or tag that the type declares and that is not here is not set."""

    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse the request: 403. The client reads ``message``, at most 200 characters; ``detail`` is for the log."""

    message: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EnvoyMessage:
    """A message of Envoy's, as its documentation names it and its fields: ``envoy.extensions.filters.http.…``.

    Fields are as JSON writes them, with names in snake_case. ``%`` in a text stands for itself if it is written twice;
    Envoy's format operators are refused, so that no text that an operator writes can become one.
    """

    type: str
    fields: Mapping[str, Any] = field(default_factory=dict)
