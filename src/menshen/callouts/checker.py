"""The team's checker of tokens (TSF's OAuth plugin): whether a token is good, and what it says of the caller.

It gets a token of a header in the same header. One of the query it gets in the query with GET; with POST a token is
never in the URL, where it would end up in an access log, but in the body: ``{"token": "…"}``, beside the header if that
is where it came from. It answers ``{"result": true, "payload": "…"}`` or ``{"result": false}``, always with 200; more
fields may be there, as checkers written for TSF have them. Every token is asked about every time: what a checker said a
minute ago of a token that it has taken back since is no answer.
"""

from __future__ import annotations

import msgspec

from menshen.callouts.calling import Callouts, read_answer
from menshen.config.route_rules import OAuthRules
from menshen.errors import CheckerUnavailable
from menshen.platforms.base import Flow, PlatformRequest
from menshen.secret import Secret

__all__ = ["Verdict", "checked_token", "verdict_on"]


class Verdict(msgspec.Struct, frozen=True):
    """``payload`` is a text about the caller, None where the checker says nothing."""

    result: bool
    payload: str | None = None


async def checked_token(callouts: Callouts, rules: OAuthRules, token: Secret, authorization: Secret | None) -> Verdict:
    """Raises ``CheckerUnavailable``."""
    return await callouts.run(verdict_on(rules, token, authorization), CheckerUnavailable)


def verdict_on(rules: OAuthRules, token: Secret, authorization: Secret | None) -> Flow[Verdict]:
    """The same as a flow. ``authorization`` is forwarded beside the token, unless the token is there itself."""
    at, post = rules.token, rules.method == "POST"
    headers: dict[str, Secret | str] = {}
    if authorization is not None:
        headers["authorization"] = authorization
    if at.position == "header":
        headers[at.name] = Secret(at.prefix + token.reveal())
    reply = yield PlatformRequest(
        rules.method,
        rules.url,
        query={at.name: token} if at.position == "query" and not post else {},
        json={"token": token} if post else None,
        headers=headers,
        timeout=rules.timeout,
    )
    return read_answer(reply, Verdict, CheckerUnavailable)
