"""What was revoked: by session, by app, for everybody, and for how long that is remembered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.sessions.revocation import Revocation, Revocations
from tests.sessions.samples import CLAIMS, NOW

OTHER = replace(CLAIMS, sid="another")


def _sid(sid: str = CLAIMS.sid, until: int = NOW + 100) -> Revocation:
    return Revocation(1, sid, CLAIMS.platform, CLAIMS.appid, 0, until, "sealed")


def _app(before: int, until: int = NOW + 100, platform: str = CLAIMS.platform, appid: str = CLAIMS.appid) -> Revocation:
    return Revocation(2, "", platform, appid, before, until, "")


@pytest.fixture
def revocations() -> Revocations:
    return Revocations()


def test_nothing_is_revoked_at_first(revocations: Revocations) -> None:
    assert not revocations.revoked(CLAIMS)
    assert len(revocations) == 0


def test_a_session_is_revoked_and_no_other(revocations: Revocations) -> None:
    revocations.add([_sid()])
    assert revocations.revoked(CLAIMS)
    assert revocations.revoked(replace(CLAIMS, iat=NOW + 50, exp=NOW + 90))
    assert not revocations.revoked(OTHER)


@pytest.mark.parametrize(("before", "revoked"), [(NOW, False), (NOW + 1, True)])
def test_an_app_is_revoked_by_login_time(before: int, revoked: bool, revocations: Revocations) -> None:
    """By ``auth``: a renewed state of an old login is as revoked as the first one."""
    revocations.add([_app(before)])
    assert revocations.revoked(replace(CLAIMS, iat=NOW + 3600)) == revoked
    assert not revocations.revoked(replace(CLAIMS, appid="wx-other"))
    assert not revocations.revoked(replace(CLAIMS, platform="qq"))


def test_every_app_is_revoked_at_once(revocations: Revocations) -> None:
    revocations.add([_app(NOW + 1, platform="", appid="")])
    assert revocations.revoked(CLAIMS)
    assert revocations.revoked(replace(CLAIMS, platform="qq", appid="1"))
    assert not revocations.revoked(replace(CLAIMS, auth=NOW + 1))


def test_the_later_of_two_rules_counts_in_either_order() -> None:
    for rules in ([_app(NOW - 5), _app(NOW + 5)], [_app(NOW + 5), _app(NOW - 5)]):
        revocations = Revocations()
        revocations.add(rules)
        assert revocations.revoked(CLAIMS)
        assert len(revocations) == 1


def test_a_state_of_the_release_before_has_its_making_for_a_login_time(revocations: Revocations) -> None:
    revocations.add([_app(NOW)])
    assert not revocations.revoked(replace(CLAIMS, auth=0))
    assert revocations.revoked(replace(CLAIMS, auth=0, iat=NOW - 1))


def test_what_is_past_is_forgotten(revocations: Revocations) -> None:
    revocations.add([_sid(), _sid("later", NOW + 200), _app(NOW, NOW + 100), _app(NOW, NOW + 200, appid="wx-other")])
    revocations.forget(NOW + 99)
    assert len(revocations) == 4
    revocations.forget(NOW + 100)
    assert len(revocations) == 2
    assert not revocations.revoked(CLAIMS)
    revocations.forget(NOW + 200)
    assert len(revocations) == 0


def test_what_has_no_known_end_is_kept(revocations: Revocations) -> None:
    revocations.add([_sid(until=0), _app(NOW, until=0), _app(NOW, until=NOW + 1), _sid(until=NOW + 1)])
    revocations.forget(NOW + 10**9)
    assert len(revocations) == 2


def test_what_this_process_ended_counts_at_once_and_stays(revocations: Revocations) -> None:
    """The list that replaces everything may have been read before the session was ended."""
    revocations.end(CLAIMS.sid, NOW + 100)
    assert revocations.revoked(CLAIMS)
    revocations.replace([_sid("another")])
    assert revocations.revoked(CLAIMS)
    assert revocations.revoked(OTHER)
    revocations.forget(NOW + 100)
    assert not revocations.revoked(CLAIMS)


def test_what_came_round_is_the_databases_again(revocations: Revocations) -> None:
    revocations.end(CLAIMS.sid, NOW + 100)
    revocations.add([_sid()])
    revocations.replace([])
    assert not revocations.revoked(CLAIMS)


def test_replacing_drops_the_rest(revocations: Revocations) -> None:
    revocations.add([_sid(), _app(NOW + 1)])
    revocations.replace([_sid("another")])
    assert not revocations.revoked(CLAIMS)
    assert len(revocations) == 1


untils = st.one_of(st.just(0), st.integers(NOW, NOW + 50))
items = st.one_of(
    st.builds(_sid, st.sampled_from("abc"), untils),
    st.builds(_app, st.integers(NOW - 5, NOW + 5), untils, appid=st.sampled_from(["wx1", "wx2"])),
    st.builds(_app, st.integers(NOW - 5, NOW + 5), untils, platform=st.just(""), appid=st.just("")),
)


@given(
    known=st.lists(items, max_size=12),
    at=st.integers(NOW, NOW + 60),
    sid=st.sampled_from("abcd"),
    appid=st.sampled_from(["wx1", "wx2", "wx3"]),
    auth=st.integers(NOW - 6, NOW + 6),
)
def test_nothing_that_still_counts_is_forgotten(
    known: list[Revocation], at: int, sid: str, appid: str, auth: int
) -> None:
    """Against the plain reading of every item; what is kept longer than it need be does no harm."""
    revocations = Revocations()
    revocations.add(known)
    revocations.forget(at)
    claims = replace(CLAIMS, sid=sid, appid=appid, auth=auth)

    def meets(item: Revocation) -> bool:
        if item.sid:
            return item.sid == sid
        return (item.platform, item.appid) in (("", ""), (CLAIMS.platform, appid)) and auth < item.before

    if any(meets(item) and not 0 < item.until <= at for item in known):
        assert revocations.revoked(claims)
    if not any(meets(item) for item in known):
        assert not revocations.revoked(claims)
