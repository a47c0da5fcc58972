"""Plugins of the installation's types at work: what each is shown of a request, and what becomes of its answer.

They are the last of a route's guards: the login state has been judged, and all of them must pass. Whatever a type does
wrong refuses the request and is named in the log by plugin and type, never by a value (security rule 4).
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import unquote_plus

from msgspec import structs

from menshen.config.custom_parameters import parsed
from menshen.config.route_rules import CustomRules
from menshen.config.snapshot import Route, Snapshot
from menshen.config.tag_values import tag_header, tag_value
from menshen.errors import AmbiguousCredential, PluginFailed, PluginRefused
from menshen.foreign import said, where
from menshen.gateway.credentials import cookie_value
from menshen.gateway.plugin_loading import InstalledTypes
from menshen.gateway.plugins import Pass, PluginIdentity, PluginRequest, Refuse
from menshen.gateway.request import AuthRequest, RequestLine
from menshen.gateway.wire import HEADER_CLIENT, stamp
from menshen.sessions.claims import SessionClaims

__all__ = ["SLOW", "TOO_LONG", "RoutePlugins", "plugins_of_routes"]

SLOW: Final = 0.02
"""Seconds of one decision from which on the log says so: every other request of the worker has waited."""

TOO_LONG: Final = 1.0
"""Seconds from which on a decision counts no more. Code that runs cannot be stopped, only its answer refused."""

_SAY_AGAIN: Final = 60.0
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,4096}")
_CLIENT = HEADER_CLIENT.encode()

Found = tuple[tuple[bytes, bytes], ...]

log = logging.getLogger("menshen.plugins")


class _Failed(Exception):
    """Why, without a word of the type's own."""


@dataclass(slots=True)
class _Step:
    """One plugin of a revision with its parameters, ready. ``broken`` says why it refuses everybody, or is ""."""

    rules: CustomRules
    decide: Callable[[Any, Any], Any] | None = None
    parameters: Any = field(default=None, repr=False)
    broken: str = ""
    said_slow: float = float("-inf")


class RoutePlugins:
    """The plugins of one route. ``clock`` gives seconds that only go forward."""

    def __init__(
        self, route: Route, steps: tuple[_Step, ...], hidden: frozenset[str], clock: Callable[[], float]
    ) -> None:
        self._route = route
        self._steps = steps
        self._hidden = hidden
        self._clock = clock
        names = (name for step in steps for name in step.rules.headers)
        tags = (tag_header(tag) for step in steps for tag in step.rules.tags)
        self._unset = dict.fromkeys((*names, *tags), "")

    def admit(self, request: AuthRequest, line: RequestLine, claims: SessionClaims | None, now: float) -> AuthRequest:
        """The request with what the plugins tell the backend, every header and tag of theirs, "" where none sets it.

        Raises ``PluginRefused`` with the words for the client as its detail, and ``PluginFailed``.
        """
        asked = self._asked(request, line, claims, now)
        found = dict(self._unset)
        for step in self._steps:
            found.update(self._decided(step, request, asked))
        told = tuple((name.encode(), value.encode("latin-1")) for name, value in found.items())
        return structs.replace(request, found=(*request.found, *told))

    def _decided(self, step: _Step, request: AuthRequest, asked: PluginRequest) -> dict[str, str]:
        rules = step.rules
        names = {"plugin": rules.plugin, "type": rules.type, "route": self._route.id, "request_id": asked.request_id}
        try:
            answer = self._called(step, replace(asked, **_shown(rules, request)))
            if type(answer) is Pass:
                return {**_headers(rules, answer), **_tags(rules, answer)}
            message, detail = _refusal(answer)
        except _Failed as error:
            why = str(error)
            log.warning("plugin_failed", extra={**names, "why": why})
            raise PluginFailed(f"{rules.plugin} ({rules.type}): {why}"[:200]) from None
        if detail:
            log.info("plugin_refused", extra={**names, "detail": detail})
        raise PluginRefused(message)

    def _called(self, step: _Step, asked: PluginRequest) -> Any:
        if step.decide is None:
            raise _Failed(step.broken)
        started = self._clock()
        try:
            answer = step.decide(step.parameters, asked)
        except BaseException as error:  # noqa: BLE001 - the team's code may raise anything
            why = where(error)
        else:
            took = self._clock() - started
            if took >= SLOW and started - step.said_slow >= _SAY_AGAIN:
                step.said_slow = started
                names = {"plugin": step.rules.plugin, "type": step.rules.type, "route": self._route.id}
                log.warning("plugin_slow", extra={**names, "milliseconds": round(took * 1000)})
            if took < TOO_LONG:
                return answer
            why = "took too long"
        raise _Failed(why)

    def _asked(
        self, request: AuthRequest, line: RequestLine, claims: SessionClaims | None, now: float
    ) -> PluginRequest:
        """What all of them are shown."""
        login = self._route.login
        identity = None
        if claims is not None and login is not None:
            identity = PluginIdentity(
                uid=claims.sub,
                platform=claims.platform,
                app=login.app.name,
                appid=claims.appid,
                openid=claims.openid,
                unionid=claims.unionid,
                account=claims.account,
                session=claims.sid,
                claims=dict(claims.claims),
            )
        return PluginRequest(
            route=self._route.id,
            group=self._route.group,
            api=self._route.api,
            method=line.method.decode("latin-1"),
            path=line.path.decode("latin-1"),
            query=_without(request.query.decode("latin-1"), self._hidden),
            headers={},
            cookies={},
            ip=request.headers.get(_CLIENT, b"").decode("latin-1"),
            request_id=request.request_id,
            identity=identity,
            now=now,
        )


def plugins_of_routes(
    snapshots: Iterable[Snapshot], types: InstalledTypes, clock: Callable[[], float]
) -> Mapping[str, RoutePlugins]:
    """The plugins of every route that has some, by Envoy's stamp. Parameters are read once for each revision.

    A plugin whose type is missing here, or does not take the parameters any more, refuses all requests of its routes.
    """
    return {
        stamp(route.id, snapshot.checksum): plugins
        for snapshot in snapshots
        for route, plugins in _of_snapshot(snapshot, types, clock)
    }


def _of_snapshot(
    snapshot: Snapshot, types: InstalledTypes, clock: Callable[[], float]
) -> Iterable[tuple[Route, RoutePlugins]]:
    ready: dict[str, _Step] = {}
    hidden = _credentials(snapshot)
    for route in snapshot.routes:
        if route.custom:
            for rules in route.custom:
                if rules.plugin not in ready:
                    ready[rules.plugin] = _step(rules, types)
            yield route, RoutePlugins(route, tuple(ready[rules.plugin] for rules in route.custom), hidden, clock)


def _step(rules: CustomRules, types: InstalledTypes) -> _Step:
    installed = types.installed(rules.type)
    if installed is None or installed.code is None:
        why = "its type is not installed here" if installed is None else f"its type is broken: {installed.broken}"
    else:
        try:
            return _Step(rules, installed.code.decide, parsed(installed.code.parameters, rules.parameters))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the team's code may raise anything
            why = f"its type does not take the parameters: {where(error)}"
    log.error("plugin_broken", extra={"plugin": rules.plugin, "type": rules.type, "why": why})
    return _Step(rules, broken=why)


def _credentials(snapshot: Snapshot) -> frozenset[str]:
    """Names of query parameters in which credentials travel somewhere; a client sends its own everywhere."""
    names: set[str] = set()
    for route in snapshot.routes:
        if route.login is not None:
            names |= {route.login.code.name, route.login.session.name}
            if route.login.open_data is not None:
                names.update(route.login.open_data.names)
            if route.login.account is not None:
                names |= {route.login.account.username, route.login.account.password}
        names |= {guard.token.name for guard in (route.jwt, route.oauth) if guard is not None}
    return frozenset(name.lower() for name in names)


def _without(query: str, hidden: frozenset[str]) -> str:
    if not query or not hidden:
        return query
    pairs = query.split("&")
    return "&".join(pair for pair in pairs if unquote_plus(pair.partition("=")[0]).lower() not in hidden)


def _shown(rules: CustomRules, request: AuthRequest) -> dict[str, Any]:
    """The headers and cookies of one type; of a cookie that came twice nobody knows which is meant."""
    headers, cookies = {}, {}
    for name in rules.reads:
        value = request.headers.get(name.encode())
        if value is not None:
            headers[name] = value.decode("latin-1")
    for name in rules.cookies:
        try:
            value = cookie_value(request, name)
        except AmbiguousCredential:
            continue
        if value is not None:
            cookies[name] = value.decode("latin-1")
    return {"headers": headers, "cookies": cookies}


def _refusal(answer: object) -> tuple[str, str]:
    if inspect.iscoroutine(answer):
        answer.close()  # nobody will await it
    if type(answer) is not Refuse or type(answer.message) is not str or type(answer.detail) is not str:
        raise _Failed(f"answered {type(answer).__name__}, which is neither Pass nor Refuse with texts")
    return said(answer.message), said(answer.detail)


def _headers(rules: CustomRules, answer: Pass) -> dict[str, str]:
    headers = _texts(answer.headers, "headers")
    if not set(headers) <= set(rules.headers):
        raise _Failed("set a header that its type does not declare")
    if not all(_VALUE.fullmatch(value) for value in headers.values()):
        raise _Failed("set a header to a value that none can have")
    return headers


def _tags(rules: CustomRules, answer: Pass) -> dict[str, str]:
    tags = _texts(answer.tags, "tags")
    if not set(tags) <= set(rules.tags):
        raise _Failed("set a tag that its type does not declare")
    encoded = {tag_header(name): tag_value(value) for name, value in tags.items()}
    if any(value and not encoded[tag_header(name)] for name, value in tags.items()):
        raise _Failed("set a tag to a value that none can have")
    return encoded


def _texts(given: object, what: str) -> dict[str, str]:
    """A copy, whatever kind of mapping it is."""
    try:
        copy = dict(given.items()) if isinstance(given, Mapping) else None
    except Exception as error:  # noqa: BLE001 - a mapping of the team's own
        why = f"{what}: {where(error)}"
        raise _Failed(why) from None
    if copy is None or not all(type(part) is str for pair in copy.items() for part in pair):
        raise _Failed(f"answered {what} that are no mapping of texts")
    return copy
