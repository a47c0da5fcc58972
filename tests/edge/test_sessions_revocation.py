"""Ending sessions as an operator: by session, user, app or time; every kind, everywhere, within a second."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.edge.conftest import APPID, OTHER_APPID, Stack
from tests.edge.load import Seen
from tests.edge.processes import LATE
from tests.edge.sessions import (
    INVALID,
    KINDS,
    REVOKED,
    Login,
    admin,
    check,
    log_in,
    over_within,
    record,
    refresh,
    refused_within,
    session_stack,
    started_again,
    watching,
)
from tests.edge.test_faults import envoy, workers
from tests.edge.test_reload import menshen, until

PROMISE = 1.0
"""Seconds from the end of the command, or of the call, to the last request that is let through."""

REVOKE = {
    "session": ["revoke", "--session", "{sid}"],
    "user": ["revoke", "--user", "{uid}"],
    "app": ["revoke", "--app", "shop"],
    "before": ["revoke", "--before", "{now}"],
    "app before": ["revoke", "--app", "shop", "--before", "{now}"],
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with session_stack(tmp_path_factory.mktemp("revocation")) as running:
        yield running


def sessions(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return menshen(stack, "sessions", *arguments)


def watched(logins: Mapping[str, Login]) -> dict[str, tuple[str, Mapping[str, str]]]:
    return {name: (f"/{login.where}/orders/1", {"user_session": login.state}) for name, login in logins.items()}


def next_second() -> int:
    """Wait for a second in which nobody has logged in yet: logins carry whole seconds."""
    now = int(time.time())
    while int(time.time()) == now:
        time.sleep(0.01)
    return now + 1


def logins_of(stack: Stack, user: str, app: str = "") -> dict[str, Login]:
    return {f"{app}{kind}": log_in(stack, f"{app}{kind}", user) for kind in KINDS}


def ended_in_time(
    stack: Stack,
    doomed: Mapping[str, Login],
    safe: Mapping[str, Login],
    end: Sequence[Sequence[str]] | Callable[[], None],
) -> None:
    """Run ``end`` (arguments of commands, or a callable) while all of them are in use; who must go goes in time."""
    node = {"the node": (f"{stack.admin.origin}/healthz", {})}  # as late as it is, so late are its news
    with watching(stack, {**watched({**doomed, **safe}), **node}) as answers:
        if callable(end):
            end()
        else:
            for arguments in end:
                done = sessions(stack, *arguments)
                assert done.returncode == 0, done.stderr
        returned = time.monotonic()
        time.sleep(PROMISE + 1.0)
        enough = returned + PROMISE + _slowest(answers)
        until(lambda: all(sum(seen.asked >= enough for seen in answers[name]) >= 20 for name in doomed), 60)
    promised = PROMISE + _slowest(answers)
    for name in doomed:
        passed = [seen.asked - returned for seen in answers[name] if seen.status == 200]
        late = [seen for seen in answers[name] if seen.asked >= returned + promised]
        assert late, name
        assert max(passed) < promised, f"{name} was let through {max(passed):.2f} s after it was ended"
        assert {(seen.status, seen.code) for seen in late} == {(401, "4024")}, name
        assert check(stack, doomed[name]).refusal == REVOKED
    for name in safe:
        assert {seen.status for seen in answers[name]} == {200}, name


def _slowest(answers: Mapping[str, Sequence[Seen]]) -> float:
    """Seconds that an answer took: what the machine is late with, and a revocation with it."""
    return max(seen.at - seen.asked for each in answers.values() for seen in list(each))


# By whom and by what


@pytest.mark.parametrize("by", ["session", "user"])
def test_the_command_ends_sessions_within_a_second(by: str, stack: Stack) -> None:
    doomed, safe = logins_of(stack, f"doomed-{by}"), {f"safe {k}": v for k, v in logins_of(stack, "safe").items()}
    if by == "session":
        ended_in_time(stack, doomed, safe, [["revoke", "--session", login.sid] for login in doomed.values()])
    else:
        ended_in_time(stack, doomed, safe, [["revoke", "--user", doomed["sealed"].uid]])
    for login in doomed.values():
        assert record(stack, login.sid)["ended_why"] == "revoked"
        assert refresh(stack, login.refresh).refusal == REVOKED
    for login in safe.values():
        assert refresh(stack, login.refresh).status == 200


@pytest.mark.parametrize("by", ["app", "before", "app before"])
def test_the_command_ends_what_logged_in_before(by: str, stack: Stack) -> None:
    doomed = logins_of(stack, "early")
    others = {f"other {kind}": log_in(stack, f"other-{kind}", "early") for kind in KINDS}
    if by == "before":
        doomed, others = {**doomed, **others}, {}
    now = next_second()
    if by == "app":
        safe = others
        end = [["revoke", "--app", "shop"]]
    else:
        safe = {**others, **{f"later {kind}": login for kind, login in logins_of(stack, "late").items()}}
        end = [[part.format(now=now) for part in REVOKE[by]]]
    ended_in_time(stack, doomed, safe, end)
    for login in doomed.values():
        assert refresh(stack, login.refresh).refusal == REVOKED
    next_second()
    for kind in KINDS:
        assert check(stack, log_in(stack, kind, "early")).status == 200, "who logs in again is in"


@pytest.mark.parametrize("by", ["session", "user", "app", "before", "app before"])
def test_the_admin_api_ends_sessions_within_a_second(by: str, stack: Stack) -> None:
    doomed = logins_of(stack, f"called-{by}")
    now = next_second()
    calls: dict[str, list[dict[str, object]]] = {
        "session": [{"session": login.sid} for login in doomed.values()],
        "user": [{"user": doomed["signed"].uid}],
        "app": [{"app": "shop"}],
        "before": [{"before": now}],
        "app before": [{"app": "shop", "before": now}],
    }
    safe = {f"other {kind}": log_in(stack, f"other-{kind}", "elsewhere") for kind in KINDS}

    def end() -> None:
        for call in calls[by]:
            reply = admin(stack, "/v1/sessions/revoke", call)
            assert reply.status == 200, reply.raw
            if by in ("session", "user"):
                assert reply.json == {"ended": 1 if by == "session" else 3}

    ended_in_time(stack, doomed, safe, end)


def test_a_revocation_at_one_worker_is_known_at_every_other(stack: Stack) -> None:
    """Many at once: the small set of Envoy and both workers take them all."""
    logins = [log_in(stack, kind, f"crowd-{number}") for number in range(8) for kind in KINDS]
    for login in logins:
        assert check(stack, login).status == 200
    for login in logins:
        assert admin(stack, "/v1/sessions/revoke", {"session": login.sid}).json == {"ended": 1}
    over_within(stack, *logins)


# Restarts


def restart_worker(stack: Stack) -> None:
    for victim in workers(stack):
        os.kill(victim, signal.SIGKILL)
        until(lambda gone=victim: gone not in workers(stack) and len(workers(stack)) == 2, 60)  # type: ignore[misc]


def restart_envoy(stack: Stack) -> None:
    [victim] = envoy(stack)
    os.kill(victim, signal.SIGKILL)
    until(lambda: envoy(stack) not in ([], [victim]), 60)


@pytest.mark.parametrize("restart", [restart_worker, restart_envoy], ids=["workers", "Envoy"])
def test_a_revocation_outlives_what_restarts(restart: Callable[[Stack], None], stack: Stack) -> None:
    doomed, gone_app = logins_of(stack, "lasting"), {k: log_in(stack, f"other-{k}", "lasting") for k in KINDS}
    for login in doomed.values():
        assert admin(stack, "/v1/sessions/revoke", {"session": login.sid}).status == 200
    assert admin(stack, "/v1/sessions/revoke", {"app": "other"}).status == 200
    next_second()
    safe = logins_of(stack, "lasting")
    restart(stack)
    refusals: set[tuple[int, int, str]] = set()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            replies = [check(stack, login) for login in (*doomed.values(), *gone_app.values())]
            well = all(check(stack, login).status == 200 for login in safe.values())
        except OSError:
            continue  # Envoy is not there yet
        assert all(reply.status != 200 for reply in replies), "let through by something that had just started"
        refusals = {reply.refusal for reply in replies}
        if well and refusals == {REVOKED}:
            break
        time.sleep(0.1)
    assert refusals == {REVOKED}
    for _ in range(8):
        assert all(check(stack, login).status == 200 for login in safe.values())


@pytest.mark.parametrize("who", [workers, envoy], ids=["workers", "Envoy"])
def test_a_revocation_that_comes_while_something_restarts(who: Callable[[Stack], list[int]], stack: Stack) -> None:
    doomed, gone_app = logins_of(stack, "meanwhile"), {k: log_in(stack, f"other-{k}", "meanwhile") for k in KINDS}
    next_second()
    before = who(stack)
    for victim in before:
        os.kill(victim, signal.SIGKILL)
    for login in doomed.values():
        assert admin(stack, "/v1/sessions/revoke", {"session": login.sid}).json == {"ended": 1}
    assert admin(stack, "/v1/sessions/revoke", {"app": "other"}).status == 200
    returned = time.monotonic()
    refused: set[tuple[int, int, str]] = set()
    while refused != {REVOKED}:
        assert time.monotonic() < returned + 60, refused
        asked = time.monotonic()
        try:
            replies = [check(stack, login) for login in (*doomed.values(), *gone_app.values())]
        except OSError:
            continue  # Envoy is not there yet
        if asked > returned + PROMISE + LATE:
            assert all(reply.status != 200 for reply in replies), "let through by something that had just started"
        refused = {reply.refusal if reply.status != 200 else (200, 0, "") for reply in replies}
    assert not set(who(stack)) & set(before)
    for _ in range(6):
        for login in (*doomed.values(), *gone_app.values()):
            assert check(stack, login).refusal == REVOKED


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    with session_stack(tmp_path) as running:
        yield running


def test_a_revocation_outlives_the_whole_node(own_stack: Stack) -> None:
    """Killed, and started again on the same data directory."""
    stack = own_stack
    first, second, safe = logins_of(stack, "first"), logins_of(stack, "second"), logins_of(stack, "safe")
    assert sessions(stack, "revoke", "--user", first["sealed"].uid).returncode == 0
    with started_again(stack) as again:
        for _ in range(6):
            for login in first.values():
                assert check(again, login).refusal == REVOKED
            for login in (*second.values(), *safe.values()):
                assert check(again, login).status == 200
        told = sessions(stack, "revoke", "--user", second["sealed"].uid)
        assert (told.returncode, told.stdout) == (0, "3 sessions ended\n")
    # Ended by a command while nothing runs.
    assert sessions(stack, "revoke", "--user", safe["sealed"].uid).stdout == "3 sessions ended\n"
    with started_again(stack) as again:
        for login in (*first.values(), *second.values(), *safe.values()):
            assert check(again, login).refusal == REVOKED


# What operators see


def test_the_admin_api_knows_its_operator(stack: Stack) -> None:
    login = log_in(stack, "sealed", "guarded")
    token = (stack.data_dir / "admin.token").read_text().strip()
    assert (stack.data_dir / "admin.token").stat().st_mode & 0o077 == 0
    assert len(token) >= 43
    for header in (
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer ")],
        [("Authorization", f"Bearer {token}x")],
        [("Authorization", f"Bearer {token[:-1]}")],
        [("Authorization", f"Basic {token}")],
        [("Authorization", token)],
        [("Cookie", f"token={token}")],
        [("user_session", login.state)],
        [("Authorization", f"Bearer {login.state}")],
    ):
        for reply in (
            stack.admin("/v1/sessions", *header),
            stack.admin.post_json("/v1/sessions/revoke", {"session": login.sid}, *header),
        ):
            assert reply.status == 401
            assert login.sid.encode() not in reply.raw
    assert stack.admin(f"/v1/sessions?token={token}").status == 401
    assert stack.gateway("/v1/sessions", ("Authorization", f"Bearer {token}")).status == 401
    assert check(stack, login).status == 200


def test_the_admin_api_lists_sessions(stack: Stack) -> None:
    logins = list(logins_of(stack, "listed").values())
    reply = admin(stack, f"/v1/sessions?user={logins[0].uid}")
    assert reply.headers["cache-control"] == "no-store"
    found = reply.json["sessions"]
    assert [each["sid"] for each in found] == [login.sid for login in reversed(logins)]
    assert [each["kind"] for each in found] == list(reversed(KINDS))
    for each, login in zip(found, reversed(logins), strict=True):
        assert (each["uid"], each["platform"], each["appid"], each["plugin"]) == (
            login.uid,
            "wechat",
            APPID,
            login.where,
        )
        assert (each["ip"], each["ended_at"], each["ended_why"]) == ("127.0.0.1", None, "")
        assert not {"id", "digest", "openid", "unionid", "claims"} & set(each), "not who it is at the platform"
    openid = stack.gateway("/sealed/orders/1", ("user_session", logins[0].state)).identity["x-menshen-openid"]
    assert openid.encode() not in reply.raw
    page = admin(stack, f"/v1/sessions?user={logins[0].uid}&limit=2").json
    rest = admin(stack, f"/v1/sessions?user={logins[0].uid}&limit=2&below={page['below']}").json
    assert [each["sid"] for each in page["sessions"] + rest["sessions"]] == [login.sid for login in reversed(logins)]
    assert admin(stack, f"/v1/sessions?user={logins[0].uid}&app=other").json == {"sessions": [], "below": None}
    assert len(admin(stack, f"/v1/sessions?user={logins[0].uid}&app=shop").json["sessions"]) == 3
    assert len(admin(stack, f"/v1/sessions?user={logins[0].uid}&app=wechat/{APPID}").json["sessions"]) == 3
    assert admin(stack, "/v1/sessions/revoke", {"session": logins[0].sid}).json == {"ended": 1}
    assert len(admin(stack, f"/v1/sessions?user={logins[0].uid}").json["sessions"]) == 2
    over = admin(stack, f"/v1/sessions?user={logins[0].uid}&live=false").json["sessions"][-1]
    assert (over["sid"], over["ended_why"]) == (logins[0].sid, "revoked")
    assert abs(over["ended_at"] - time.time()) < 60


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"session": 5},
        {"user": None},
        {"app": "nobody"},
        {"app": ""},
        {"before": "yesterday"},
        {"before": -1},
        {"before": True},
        {"before": 1.5},
        {"session": "a", "user": "b"},
        {"user": "u", "before": 5},
        {"sessions": ["a"]},
    ],
    ids=str,
)
def test_calls_of_the_admin_api_that_say_nothing_or_two_things(document: dict[str, object], stack: Stack) -> None:
    login = log_in(stack, "sealed", "unharmed")
    reply = admin(stack, "/v1/sessions/revoke", document)
    assert reply.status == 400
    assert reply.json["message"]
    assert check(stack, login).status == 200


def test_ending_nothing_is_told(stack: Stack) -> None:
    login = log_in(stack, "reference", "once")
    assert admin(stack, "/v1/sessions/revoke", {"session": "a" * 26}).json == {"ended": 0}
    assert admin(stack, "/v1/sessions/revoke", {"user": "unobody"}).json == {"ended": 0}
    assert sessions(stack, "revoke", "--session", login.sid).stdout == "1 session ended\n"
    assert sessions(stack, "revoke", "--session", login.sid).stdout == "0 sessions ended\n"
    assert admin(stack, "/v1/sessions?live=maybe").status in (200, 400)
    for query in ("limit=0", "limit=x", "below=-1", "app=nobody"):
        assert admin(stack, f"/v1/sessions?{query}").status == 400


def test_the_command_lists_sessions(stack: Stack) -> None:
    logins = [log_in(stack, kind, "printed", ("User-Agent", "MicroMessenger/8.0")) for kind in KINDS]
    listed = sessions(stack, "list", "--user", logins[0].uid)
    assert listed.returncode == 0, listed.stderr
    lines = listed.stdout.splitlines()
    assert len(lines) == 3
    for line, login, kind in zip(lines, reversed(logins), reversed(KINDS), strict=True):
        words = line.split("  ")
        assert words[:4] == [login.sid, login.uid, f"wechat/{APPID}", kind]
        assert words[4].startswith("login=")
        assert words[5].startswith("seen=")
        assert words[6:] == ["127.0.0.1", "live", "MicroMessenger/8.0"]
    assert sessions(stack, "list", "--user", logins[0].uid, "--limit", "1").stdout.splitlines() == lines[:1]
    assert sessions(stack, "list", "--user", logins[0].uid, "--app", "other").stdout == ""
    assert len(sessions(stack, "list", "--app", f"wechat/{OTHER_APPID}", "--all").stdout.splitlines()) >= 1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["revoke"], 2),
        (["revoke", "--session", "a", "--user", "b"], 2),
        (["revoke", "--user", "b", "--before", "5"], 2),
        (["revoke", "--before", "yesterday"], 2),
        (["revoke", "--app", "nobody"], 1),
        (["list", "--app", "nobody"], 1),
        (["list", "--limit", "0"], 2),
    ],
    ids=str,
)
def test_commands_that_cannot_be_meant(arguments: list[str], status: int, stack: Stack) -> None:
    login = log_in(stack, "sealed", "unharmed")
    told = sessions(stack, *arguments)
    assert told.returncode == status
    assert told.stdout == ""
    assert told.stderr.strip()
    assert "Traceback" not in told.stderr
    assert check(stack, login).status == 200


def test_what_the_command_prints(stack: Stack) -> None:
    login = log_in(stack, "other-sealed", "told")
    assert sessions(stack, "revoke", "--user", login.uid).stdout == "1 session ended\n"
    assert sessions(stack, "revoke", "--app", "other").stdout == (
        "every session of other that began before now is over\n"
    )
    assert sessions(stack, "revoke", "--before", "2020-01-01T00:00:00Z").stdout.startswith(
        "every session that began before "
    )
    assert check(stack, login).refusal == REVOKED


def test_a_revoked_state_is_not_good_at_another_door(stack: Stack) -> None:
    login = log_in(stack, "signed", "doors")
    assert stack.gateway("/shared-signed/orders/1", ("user_session", login.state)).status == 200
    assert admin(stack, "/v1/sessions/revoke", {"session": login.sid}).status == 200
    doors = ("/shared-signed/orders/1", "/signed/news", "/signed/login")
    refused_within([partial(stack.gateway, path, ("user_session", login.state)) for path in doors])
    assert stack.gateway("/other-signed/orders/1", ("user_session", login.state)).refusal == INVALID
    assert stack.gateway("/signed/free", ("user_session", login.state)).status == 200, "public asks nobody"
