"""The identity that a backend gets, as headers, and what of it the filters behind get as tags.

Every header of the plugin's set is written on every request, "" where there is no value, so that no header a client
might have sent is left standing (security rule 1, attack class 4).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from menshen.config.route_rules import IdentityTag
from menshen.config.snapshot import IdentityField, LoginPlugin, Route
from menshen.config.tag_values import tag_header, tag_value
from menshen.gateway.assertion import REUSE, Asserter
from menshen.sessions.claims import SessionClaims

__all__ = ["Identities", "Told", "identity_tags", "no_identity", "under"]

IdentityHeaders = tuple[tuple[IdentityField, str], ...]
Headers = tuple[tuple[bytes, bytes], ...]

_KEPT = 10_000


@dataclass(slots=True, eq=False)
class Told:
    """What a backend is told of an identity, and the same under the names that a proxy was last told it by."""

    headers: Headers
    _names: Mapping[bytes, bytes] | None = None
    _under: Headers = ()

    def under(self, names: Mapping[bytes, bytes]) -> Headers:
        """As :func:`under` has it, made once for the same object of names."""
        if names is not self._names:
            self._names, self._under = names, under(self.headers, names)
        return self._under


@dataclass(slots=True)
class _Kept:
    claims: SessionClaims
    of: tuple[object, ...]
    told: Told
    until: float


class Identities:
    """Who calls, as a backend is told it.

    The signature of an assertion costs more than the rest of a check together, and the other headers a good part of
    it. So they are made once for the same claims, plugin and upstream, and used again for as long as an assertion may
    be. Only what is told is kept, never a verdict: each request is still checked (attack class 24).
    """

    def __init__(self, asserter: Asserter, kept: int = _KEPT) -> None:
        self._asserter = asserter
        self._most = kept
        self._kept: OrderedDict[tuple[str, int, str, str], _Kept] = OrderedDict()

    def headers(self, plugin: LoginPlugin, claims: SessionClaims, upstream: str, now: float) -> Headers:
        """The plugin's headers for these claims, in its order; ``now`` in Unix seconds."""
        return self.told(plugin, claims, upstream, now).headers

    def told(self, plugin: LoginPlugin, claims: SessionClaims, upstream: str, now: float) -> Told:
        """The same, as it is kept."""
        key = (claims.sid, claims.iat, plugin.name, upstream)
        of = (plugin.identity, plugin.claims, plugin.app.name)
        kept = self._kept.get(key)
        # The claims themselves too: a refresh within a second of the login may have brought others of the user's own.
        if kept is not None and now < kept.until and kept.of == of and (kept.claims is claims or kept.claims == claims):
            kept.claims = claims  # those that were opened: the next time they are the same object
            return kept.told
        told = Told(self.made(plugin, claims, upstream, now))
        self._kept[key] = _Kept(claims, of, told, now + REUSE)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return told

    def made(
        self,
        plugin: LoginPlugin,
        claims: SessionClaims,
        upstream: str,
        now: float,
        extra: Mapping[str, str] | None = None,
    ) -> Headers:
        """The same, made anew; with the values of ``extra``, which are of this request alone."""
        values = {**_values(plugin, claims), **(extra or {})}
        if any(field == "assertion" for field, _ in plugin.identity):
            values["assertion"] = self._asserter.assertion(claims, plugin.app.name, upstream, now)
        return _headers(plugin, values)


def under(headers: Iterable[tuple[bytes, bytes]], names: Mapping[bytes, bytes]) -> Headers:
    """Those that say something, each by its other name where it has one."""
    return tuple((names.get(name, name), value) for name, value in headers if value)


def no_identity(plugin: LoginPlugin) -> Headers:
    """The plugin's headers where nobody is known."""
    return _headers(plugin, {})


def _values(plugin: LoginPlugin, claims: SessionClaims) -> dict[str, str]:
    """Identity field -> value, and ``claim:<name>`` for the user record's own."""
    values = {
        "user": claims.sub,
        "platform": claims.platform,
        "app": plugin.app.name,
        "appid": claims.appid,
        "openid": claims.openid,
        "unionid": claims.unionid,
        "account": claims.account,
        "session": claims.sid,
        "source": claims.platform,
    }
    for name, value in claims.claims.items():
        values[f"claim:{name}"] = value
    return values


def _headers(plugin: LoginPlugin, values: Mapping[str, str]) -> Headers:
    """All of them, "" where there is no value."""
    return (
        *((header, values.get(field, "").encode()) for field, header in _as_sent(plugin.identity)),
        *((header, values.get(key, "").encode()) for key, header in _claims_as_sent(plugin.claims)),
    )


@lru_cache(maxsize=1024)
def _as_sent(pairs: IdentityHeaders) -> tuple[tuple[IdentityField, bytes], ...]:
    """Field and header of a set: who keeps many identities keeps a header's name once."""
    return tuple((field, header.encode()) for field, header in pairs)


@lru_cache(maxsize=1024)
def _claims_as_sent(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, bytes], ...]:
    return tuple((f"claim:{name}", header.encode()) for name, header in pairs)


def identity_tags(route: Route, plugin: LoginPlugin, claims: SessionClaims | None) -> list[tuple[bytes, bytes]]:
    """A header for each tag that the plugin ticks, "" where there is no value: by the login state alone.

    A tag of the request or of a colouring never has the name of one of these, so nothing behind sets them again.
    """
    if not route.identity_tags:
        return []
    known: dict[str, str] = {}
    if claims is not None:
        own = {"platform": claims.platform, "app": plugin.app.name, "account": tag_value(claims.account)}
        known = {**claims.tags, **own}
    return [(header, known.get(name, "").encode()) for name, header in _tags_as_sent(route.identity_tags)]


@lru_cache(maxsize=1024)
def _tags_as_sent(names: tuple[IdentityTag, ...]) -> tuple[tuple[IdentityTag, bytes], ...]:
    return tuple((name, tag_header(name).encode()) for name in names)
