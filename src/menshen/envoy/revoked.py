"""What has been revoked, as Envoy knows it: sessions by id, and apps by the time of login.

The session ids are two sets. An id costs Envoy's main thread 20 to 30 microseconds at every update of the set it is in,
so 10,000 in one would make each revocation wait for a quarter of a second. New ones go into a small set that is
written at once; from time to time they move to the large one (:mod:`menshen.envoy.denials`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from menshen.envoy.addresses import Addresses, Subscription
from menshen.envoy.discovered import SWITCHED_ON, discovered_filter
from menshen.envoy.rbac import RBAC_FILTER, denies, rbac, verdict
from menshen.envoy.states import HEADER_AUDIENCE, HEADER_AUTH, HEADER_SID
from menshen.envoy.typed import Json, typed
from menshen.sessions.signed import audience

__all__ = ["REVOKED_FILTERS", "Denied", "revoked_apps", "revoked_filters", "revoked_on", "revoked_sessions"]

_POLICY: Final = "menshen.revoked"

REVOKED_FILTERS: Final[dict[Subscription, str]] = {
    "settled": "menshen.revoked_settled",
    "recent": "menshen.revoked_recent",
    "apps": "menshen.revoked_apps",
}
"""The file that each filter follows, and its name."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Everything that is revoked now: ``sids``, and ``apps`` as (platform, appid, before).

    States of the app whose login is before that Unix second are refused; a platform of "" means every app.
    """

    sids: Collection[str] = ()
    apps: Sequence[tuple[str, str, int]] = ()


def revoked_sessions(sids: Iterable[str]) -> Json:
    """The deny set of these session ids: a map, whose size does not matter to a request."""
    denied = {sid: verdict(_POLICY, "DENY") for sid in sorted(sids)}
    if not denied:
        return rbac()
    sid = typed("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", {"header_name": HEADER_SID})
    tree = {"input": {"name": "sid", "typed_config": sid}, "exact_match_map": {"map": denied}}
    return rbac({"matcher": {"matcher_tree": tree, "on_no_match": verdict("menshen.live", "ALLOW")}})


def revoked_apps(apps: Iterable[tuple[str, str, int]]) -> Json:
    """The rules by app. They are few: one for each app that was ended as a whole within a session's lifetime."""
    permissions = [_logged_in_before(platform, appid, before) for platform, appid, before in sorted(set(apps))]
    return rbac(denies(_POLICY, permissions, [{"any": True}]) if permissions else None)


def revoked_filters(addresses: Addresses) -> list[Json]:
    return [
        discovered_filter(name, RBAC_FILTER, subscription, addresses) for subscription, name in REVOKED_FILTERS.items()
    ]


def revoked_on() -> dict[str, Json]:
    """Per-route settings: every one of the filters is on."""
    return dict.fromkeys(REVOKED_FILTERS.values(), SWITCHED_ON)


def _logged_in_before(platform: str, appid: str, before: int) -> Json:
    """A login at 0 is one without a time: it is before everything."""
    early = {"header": {"name": HEADER_AUTH, "range_match": {"start": 0, "end": before}}}
    if not platform:
        return early
    here = {"header": {"name": HEADER_AUDIENCE, "string_match": {"exact": audience(platform, appid)}}}
    return {"and_rules": {"rules": [here, early]}}
