"""Which requests Envoy can judge alone: those that carry one signed login state, or none, and nothing else.

Everything that needs the brain makes a request miss this path: a login code, a second login state, one in another
place or spelling, an AppSecret. Such a request takes the slow path, where the brain logs in or refuses, so a condition
here may only ever be stricter than the brain's own reading (:mod:`menshen.gateway.credentials`), never laxer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from menshen.config.snapshot import LoginPlugin
from menshen.envoy.typed import Json
from menshen.gateway.wire import HEADER_RECEIVED, SECRET_HEADERS

__all__ = ["anonymous_conditions", "malformed_conditions", "state_conditions"]

_STATE: Final = r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]"
"""The one spelling of a signed state: three parts, the last of 64 bytes without a stray bit. Envoy itself cuts a text
at the first odd character, and takes a signature with a letter too many (attack class 20)."""

_ONE_TEXT: Final = "[^,]+"
_PLAIN_TEXT: Final = "[A-Za-z0-9_.-]+"

_ANYTHING: Final = r"\C*"
_SPACE: Final = r"[\s\v]*"


def state_conditions(plugin: LoginPlugin) -> list[Json]:
    """Header matchers that all hold for a request with exactly one login state and no code."""
    return _with_state(plugin, _STATE, _STATE)


def malformed_conditions(plugin: LoginPlugin) -> list[Json]:
    """Header matchers for a request with one text in the state's place, for use behind :func:`state_conditions`.

    It is no signed state, and nobody need be asked: it is refused although the brain be dead. In the query a text with
    escapes is left to the brain, which reads through them.

    Where a canary has its route looked up again, this is no answer any more: the brain has let the request in, and what
    it was sent for, a code in a cookie, is gone.
    """
    return [*_with_state(plugin, _ONE_TEXT, _PLAIN_TEXT), _no_header(HEADER_RECEIVED)]


def anonymous_conditions(plugin: LoginPlugin) -> list[Json]:
    """As :func:`state_conditions`, for a request without a login state; none where only the brain can tell.

    A code in the body can be seen by nobody but the brain: without a state, a request to such a plugin may be a login.
    """
    if plugin.code.position == "body":
        return []
    name = plugin.session.name
    return [_no_header(name), *_nothing_else(plugin, (name,))]


def _with_state(plugin: LoginPlugin, in_header: str, in_query: str) -> list[Json]:
    name = plugin.session.name
    if plugin.session.request_in == "header":
        return [_header(name, in_header), *_nothing_else(plugin, (name,))]
    here = _header(":path", rf"[^?]*\?(?:{_ANYTHING}&)?{_plain(name)}={in_query}(?:&{_ANYTHING})?")
    return [here, _no_header(name), *_nothing_else(plugin, (), repeated=name)]


def _nothing_else(plugin: LoginPlugin, absent: Iterable[str], *, repeated: str = "") -> list[Json]:
    """No code, no AppSecret, no other login state. ``absent`` must not be in the query, ``repeated`` once at most."""
    code, queries, cookies = plugin.code, list(absent), [plugin.session.name]
    conditions = []
    if code.position == "header":
        conditions.append(_no_header(code.name))
    elif code.position == "query":
        queries.append(code.name)
    elif code.position == "cookie":
        cookies.append(code.name)
    refused = [f"[?&](?:{'|'.join(_any_spelling(name) for name in queries)})"] if queries else []
    if repeated:
        plain = _plain(repeated)
        refused += [f"[?&](?:{_escaped_spelling(repeated)})", f"[?&]{plain}(?:=[^&]*)?&(?:{_ANYTHING}&)?{plain}"]
    conditions.append(_none(":path", rf"{_ANYTHING}(?:{'|'.join(refused)})(?:[=&]{_ANYTHING})?"))
    # A comma as well: that is how two Cookie headers are one text here.
    names = "|".join(_plain(name) for name in cookies)
    conditions.append(_none("cookie", f"(?:{_ANYTHING}[;,])?{_SPACE}(?:{names}){_SPACE}(?:[=;,]{_ANYTHING})?"))
    return [*conditions, *(_no_header(name) for name in SECRET_HEADERS)]


def _header(name: str, pattern: str) -> Json:
    """Several copies of a header are one text with commas here, which no pattern allows."""
    return {"name": name.lower(), "string_match": {"safe_regex": {"regex": pattern}}}


def _no_header(name: str) -> Json:
    return {"name": name.lower(), "present_match": True, "invert_match": True}


def _none(name: str, pattern: str) -> Json:
    """The header does not match, or is not there: without the last line a missing one would fail the condition."""
    return {
        "name": name,
        "string_match": {"safe_regex": {"regex": pattern}},
        "invert_match": True,
        "treat_missing_header_as_empty": True,
    }


def _plain(name: str) -> str:
    return re.escape(name)


def _any_spelling(name: str) -> str:
    """The name with each character as it is or percent-encoded."""
    return "".join(f"(?:{re.escape(c)}|{_percent(c)})" for c in name)


def _escaped_spelling(name: str) -> str:
    """The name with at least one character percent-encoded: by the first of them."""
    return "|".join(f"{_plain(name[:i])}{_percent(c)}{_any_spelling(name[i + 1 :])}" for i, c in enumerate(name))


def _percent(character: str) -> str:
    return "%" + "".join(f"[{d}{d.lower()}]" if d.isalpha() else d for d in f"{ord(character):02X}")
