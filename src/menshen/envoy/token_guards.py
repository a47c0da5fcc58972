"""What stands around Envoy's check of another issuer's token, for what that check lets pass.

In front: it verifies every copy of a header and writes the claims of each, so two good tokens would be two users in one
request (attack classes 7 and 28). It looks for the prefix anywhere in the header, and takes what surrounds a token for
nothing. That a token is missing it says in the same words as the check of login states does.

Behind: it takes an HMAC by a shared key, which everybody has who can read the issuer's key set, and a token with
``crit``, whose extensions it does not know (attack class 22). It writes texts into headers as they are, and one with a
line break would be a 500 (attack classes 6 and 21).
"""

from __future__ import annotations

import re
from typing import Final

from menshen.config.route_rules import JwtRules, TokenAt
from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.paths import either
from menshen.envoy.predicates import all_of, expression, header_is, not_so
from menshen.envoy.rbac import denies, rbac, rbac_on_route, verdict
from menshen.envoy.typed import Json

__all__ = [
    "BAD_TOKEN",
    "NO_TOKEN",
    "TOKEN_HEAD",
    "TWO_TOKENS",
    "VERDICTS",
    "content_filters",
    "form_filters",
    "prefixes",
    "token_guards",
]

_FORM: Final = "menshen.token_form"
_CONTENT: Final = "menshen.token_content"

BAD_TOKEN: Final = "menshen.bad_token"  # noqa: S105  (the name of a rule)
NO_TOKEN: Final = "menshen.no_token"  # noqa: S105
TWO_TOKENS: Final = "menshen.two_tokens"
"""Names of the rules, by which the answers are told apart."""

VERDICTS: Final = "envoy.filters.http.jwt_authn"
"""Where the check writes down what it found."""

TOKEN_HEAD: Final = "menshen_token_head"  # noqa: S105  (the name of a datum)
"""Under which name it writes down the header of a token that it takes."""

_ANYTHING: Final = r"\C*"
_SEGMENT: Final = "[A-Za-z0-9_-]+"
_CONTROL: Final = rf"{_ANYTHING}[\x00-\x1f\x7f]{_ANYTHING}"


def form_filters(snapshot: Snapshot) -> list[Json]:
    """In front of the check."""
    return _filters(snapshot, _FORM)


def content_filters(snapshot: Snapshot) -> list[Json]:
    """Behind the check."""
    return _filters(snapshot, _CONTENT)


def token_guards(route: Route) -> dict[str, Json]:
    """Per-route settings of both."""
    if route.jwt is None:
        return {}
    return {
        _FORM: rbac_on_route({"matcher": _form(route, route.jwt.token)}),
        _CONTENT: rbac_on_route(denies(BAD_TOKEN, _faults(route.jwt), [{"any": True}])),
    }


def prefixes(token: TokenAt) -> list[str]:
    """The spellings of the prefix: a scheme has no case (RFC 9110), and Envoy compares letters."""
    return list(dict.fromkeys((token.prefix, token.prefix.lower(), token.prefix.upper())))


def _filters(snapshot: Snapshot, name: str) -> list[Json]:
    if not any(route.jwt for route in snapshot.routes):
        return []
    return [{"name": name, "typed_config": rbac()}]


def _form(route: Route, token: TokenAt) -> Json:
    """A matcher, because it sees the copies of a header as one text with commas; a policy looks at each alone."""
    if token.position == "header":
        name, present, two = token.name, ".+", f"{_ANYTHING},{_ANYTHING}"
        prefix = "|".join(re.escape(spelt) for spelt in prefixes(token))
        one = rf"(?:{prefix}){_SEGMENT}\.{_SEGMENT}\.{_SEGMENT}"
    else:
        parameter = "".join(either(character) for character in token.name)
        start, end = rf"[^?]*\?(?:{_ANYTHING}&)?", f"(?:&{_ANYTHING})?"
        name, present, two = ":path", f"{start}{parameter}=[^&]+{end}", f"{start}{parameter}(?:=[^&]*)?&"
        two += f"(?:{_ANYTHING}&)?{parameter}(?:=[^&]*)?{end}"
        one = _ANYTHING  # a value may be percent-encoded: the check decodes and reads it
    there = header_is(name, expression(present))
    verdicts = [
        _when(header_is(name, expression(two)), TWO_TOKENS),
        *([] if route.access == "optional" else [_when(not_so(there), NO_TOKEN)]),
        _when(all_of([there, not_so(header_is(name, expression(one)))]), BAD_TOKEN),
    ]
    return {"matcher_list": {"matchers": verdicts}, "on_no_match": verdict("menshen.one_token", "ALLOW")}


def _when(predicate: Json, rule: str) -> Json:
    return {"predicate": predicate, "on_match": verdict(rule, "DENY")}


def _faults(rules: JwtRules) -> list[Json]:
    """Of a token that was taken."""
    written = [{"name": name, "string_match": {"safe_regex": {"regex": _CONTROL}}} for _, name in rules.claims]
    return [
        _of_head("alg", {"string_match": {"prefix": "HS"}}),
        _of_head("crit", {"present_match": True}),
        *({"header": header} for header in written),
    ]


def _of_head(name: str, value: Json) -> Json:
    matcher = {"filter": VERDICTS, "path": [{"key": TOKEN_HEAD}, {"key": name}], "value": value}
    return {"sourced_metadata": {"metadata_matcher": matcher}}
