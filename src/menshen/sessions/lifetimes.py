"""When a login state ends, and when use carries it on.

A session's ``end`` is fixed when its state is issued, ``expires_in`` later. ``idle`` ends it sooner where it is not
used: the state then lasts ``idle`` from its making, and a checked request brings a new one. ``renew_before`` moves the
``end`` itself, when less than that is left of it. So that not every request brings a new state, a renewal waits until
there is a tenth to gain, of ``idle`` or of the life: an idle session ends up to a tenth early, never late.

A renewal gives a state no more than ``life`` from its making, even where the document allows more by now; a state whose
plugin did not renew when it was issued has no ``life`` and is never renewed, wherever it is shown. Every state of a
session is therefore dead ``life`` after the session's last request, which bounds how long a revocation must be
remembered. A renewal never takes time away either: a shorter ``expires_in`` counts for new logins.

Rules are in minutes, everything here in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from menshen.config.login_rules import SessionRules
from menshen.sessions.claims import SessionClaims

__all__ = ["first_claims", "renew_at", "renewable", "renewed"]


def first_claims(
    rules: SessionRules,
    *,
    sub: str,
    sid: str,
    platform: str,
    appid: str,
    openid: str,
    unionid: str,
    claims: Mapping[str, str],
    now: int,
    auth: int | None = None,
    account: str = "",
    tags: Mapping[str, str] | None = None,
) -> SessionClaims:
    """The claims of a state that is issued with a full life, by a login or (``auth``: its login time) a refresh."""
    end = now + rules.expires_in * 60
    return SessionClaims(
        sub=sub,
        sid=sid,
        platform=platform,
        appid=appid,
        openid=openid,
        unionid=unionid,
        iat=now,
        exp=_exp(rules, now, end),
        auth=now if auth is None else auth,
        end=end,
        life=end - now if renewable(rules) else 0,
        claims=claims,
        account=account,
        tags=tags or {},
    )


def renewable(rules: SessionRules) -> bool:
    """Whether states of these rules are ever renewed."""
    return bool(rules.idle or rules.renew_before)


def renew_at(claims: SessionClaims, rules: SessionRules) -> int:
    """Unix seconds from which ``renewed`` has a new state, as long as this one lives; 0 where it never does."""
    due = []
    if not claims.life:
        return 0
    idle = rules.idle * 60
    if idle and claims.exp < claims.end:
        due.append(max(claims.iat, claims.exp - idle) + idle // 10)
    if rules.renew_before:
        due.append(claims.end - _window(claims, rules))
    at = min(due, default=0)
    return at if at < claims.exp else 0


def renewed(claims: SessionClaims, rules: SessionRules, now: float) -> SessionClaims | None:
    """The claims of the state that replaces this one, None where nothing is due. ``sid`` and ``auth`` stay."""
    if not claims.life:
        return None  # as most have none, and every check asks
    at = renew_at(claims, rules)
    if not at or not at <= now < claims.exp:
        return None
    made = int(now)
    end = claims.end
    if rules.renew_before and made >= end - _window(claims, rules):
        end = made + _granted(claims, rules)
    return replace(claims, iat=made, exp=max(claims.exp, _exp(rules, made, end)), end=end)


def _exp(rules: SessionRules, made: int, end: int) -> int:
    return min(made + rules.idle * 60, end) if rules.idle else end


def _granted(claims: SessionClaims, rules: SessionRules) -> int:
    return min(claims.life, rules.expires_in * 60)


def _window(claims: SessionClaims, rules: SessionRules) -> int:
    """Seconds before ``end`` in which it is moved: a tenth of the life at least is gained each time."""
    granted = _granted(claims, rules)
    return min(rules.renew_before * 60, granted - granted // 10)
