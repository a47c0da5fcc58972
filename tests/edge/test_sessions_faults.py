"""Without the brain, and without the database: what each kind of login state still does, and what is refused."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest

from tests.edge.conftest import Stack
from tests.edge.processes import Reply
from tests.edge.sessions import (
    EXPIRED,
    INVALID,
    KINDS,
    MISSING,
    REVOKED,
    UNCHECKED,
    Login,
    admin,
    aged,
    check,
    log_in,
    over_within,
    refresh,
    session_stack,
    sessions_of,
    watching,
)
from tests.edge.test_faults import workers
from tests.edge.test_reload import until

LOCK_BYTES, FIRST_LOCK_BYTE = 8, 120
"""Where the processes that share a SQLite database in WAL mode lock: in the -shm file, one byte for each lock."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with session_stack(tmp_path_factory.mktemp("faults")) as running:
        yield running


@contextmanager
def brain(stack: Stack, victims_get: signal.Signals) -> Iterator[None]:
    """Every worker killed or stopped, and nobody there to start another."""
    os.kill(stack.serve.pid, signal.SIGSTOP)
    victims = workers(stack)
    assert len(victims) == 2
    try:
        for pid in victims:
            os.kill(pid, victims_get)
        time.sleep(0.3)
        yield
    finally:
        if victims_get == signal.SIGSTOP:
            for pid in victims:
                os.kill(pid, signal.SIGCONT)
        os.kill(stack.serve.pid, signal.SIGCONT)
    everything_works(stack)


def everything_works(stack: Stack) -> None:
    """Again, at both workers, soon."""

    def well() -> bool:
        for kind in KINDS:
            reply = stack.gateway(f"/{kind}/login", ("js_code", stack.code(f"again-{time.monotonic_ns()}")))
            if reply.status != 200:
                return False
            login = Login(kind, reply.headers["user_session"], reply.headers["refresh_token"], "", "")
            if any(check(stack, login).status != 200 for _ in range(6)):
                return False
            if refresh(stack, login.refresh).status != 200:
                return False
        return len(workers(stack)) == 2

    until(well, 60)


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "hanging"])
def test_signed_states_are_checked_without_the_brain(fate: signal.Signals, stack: Stack) -> None:
    good, old, gone, due = (log_in(stack, "signed", f"user{number}") for number in range(4))
    expired = aged(stack, old, 7300)
    renewing = log_in(stack, "idle-signed", "renewing")
    renewable = aged(stack, renewing, 300)
    idle = log_in(stack, "idle-signed", "idle")
    too_idle = aged(stack, idle, 700)
    other_app = log_in(stack, "other-signed", "elsewhere")
    head, payload, signature = good.state.split(".")
    forged = f"{head}.{payload[:-4]}AAAA.{signature}"
    assert admin(stack, "/v1/sessions/revoke", {"session": gone.sid}).json == {"ended": 1}
    over_within(stack, gone)
    with brain(stack, fate):
        took = []
        for _ in range(4):
            asked = time.monotonic()
            assert check(stack, good).identity["x-menshen-user"] == good.uid
            assert check(stack, due).identity["x-menshen-session"] == due.sid
            assert check(stack, good, forged).refusal == INVALID
            assert check(stack, good, other_app.state).refusal == INVALID
            assert check(stack, old, expired).refusal == EXPIRED
            assert check(stack, idle, too_idle).refusal == EXPIRED
            assert check(stack, gone).refusal == REVOKED
            assert stack.gateway("/signed/orders/1").refusal == MISSING
            assert set(stack.gateway("/signed/news").identity.values()) == {""}
            assert stack.gateway("/signed/free").status == 200
            assert stack.gateway("/signed/news", ("user_session", good.state)).identity["x-menshen-user"] == good.uid
            took.append(time.monotonic() - asked)
        assert min(took) < 4, "somebody waited for the brain, for seven seconds"
        took = []
        for _ in range(4):
            asked = time.monotonic()
            late = check(stack, renewing, renewable)
            assert late.status == 200, "it is good; only the new state has to wait"
            assert "user_session" not in late.headers
            took.append(time.monotonic() - asked)
        assert min(took) < 3


def test_whatever_needs_the_brain_is_refused_without_it(stack: Stack) -> None:
    logins = {kind: log_in(stack, kind, "zhangsan") for kind in KINDS}
    for login in logins.values():
        assert check(stack, login).status == 200
    codes = [stack.code("zhangsan") for _ in range(4)]
    with brain(stack, signal.SIGKILL):
        for kind in ("sealed", "reference"):
            assert check(stack, logins[kind]).refusal == UNCHECKED
            assert stack.gateway(f"/{kind}/orders/1").refusal == UNCHECKED
            assert stack.gateway(f"/{kind}/news").refusal == UNCHECKED
            assert stack.gateway(f"/{kind}/free").status == 200
        for kind, code in zip(KINDS, codes, strict=False):
            assert stack.gateway(f"/{kind}/login", ("js_code", code)).refusal == UNCHECKED
        # Two credentials, and a state in another place: only the brain can say what is wrong with them.
        signed = logins["signed"].state
        assert check(stack, logins["signed"], "", ("js_code", codes[3])).refusal == UNCHECKED
        assert check(stack, logins["signed"], "", ("user_session", signed)).refusal == UNCHECKED
        assert check(stack, logins["signed"], "", ("Cookie", f"user_session={signed}")).refusal == UNCHECKED
        assert stack.gateway(f"/signed/news?user_session={signed}").refusal == UNCHECKED
        assert refresh(stack, logins["signed"].refresh).refusal == UNCHECKED
        for path, method in (("/v1/logout", "POST"), ("/v1/sessions", "GET")):
            assert stack.gateway(path, ("user_session", signed), method=method).refusal == UNCHECKED
    for kind, code in zip(KINDS, codes, strict=False):
        assert stack.gateway(f"/{kind}/login", ("js_code", code)).status == 200, "the codes were not touched"
    for login in logins.values():
        assert check(stack, login).status == 200


# The database


@contextmanager
def database_hangs(stack: Stack) -> Iterator[None]:
    """Somebody holds every lock there is: nobody begins to read or to write."""
    with (stack.data_dir / "menshen.db-shm").open("r+b") as shared:
        fcntl.lockf(shared, fcntl.LOCK_EX, LOCK_BYTES, FIRST_LOCK_BYTE)
        try:
            yield
        finally:
            fcntl.lockf(shared, fcntl.LOCK_UN, LOCK_BYTES, FIRST_LOCK_BYTE)


def test_without_a_word_of_the_database_only_references_are_refused(stack: Stack) -> None:
    logins = {kind: log_in(stack, kind, "zhangsan") for kind in KINDS}
    new = log_in(stack, "reference", "new")
    gone = {kind: log_in(stack, kind, "gone") for kind in KINDS}
    for login in gone.values():
        assert admin(stack, "/v1/sessions/revoke", {"session": login.sid}).json == {"ended": 1}
    over_within(stack, *gone.values())
    targets = {kind: (f"/{kind}/orders/1", {"user_session": login.state}) for kind, login in logins.items()}
    with watching(stack, targets) as answers:
        time.sleep(0.5)
        with database_hangs(stack):
            began = time.monotonic()
            time.sleep(1.5)
            with ThreadPoolExecutor(8) as pool:
                slow = {
                    "a login": pool.submit(stack.gateway, "/sealed/login", ("js_code", stack.code("late"))),
                    "a refresh": pool.submit(refresh, stack, logins["sealed"].refresh),
                    "a new reference": pool.submit(check, stack, new),
                    "a list": pool.submit(stack.gateway, "/v1/sessions", ("user_session", logins["sealed"].state)),
                    **{f"gone {kind}": pool.submit(check, stack, login) for kind, login in gone.items()},
                }
                replies = {name: reply.result() for name, reply in slow.items()}
            time.sleep(max(0.0, began + 8 - time.monotonic()))
            ended = time.monotonic()
        everything_works(stack)
        restored = time.monotonic()
        time.sleep(1)
    for name in ("a login", "a refresh", "a new reference", "a list"):
        assert replies[name].refusal == UNCHECKED, name
    for kind in KINDS:
        status, code, _ = replies[f"gone {kind}"].refusal
        assert (status, code) in ((401, 4024), (503, 5004)), kind
    for kind in ("sealed", "signed"):
        assert {seen.status for seen in answers[kind]} == {200}, kind
    # The workers' word is a second old at most when they believe it; what they answer later, they have asked for.
    passed = [seen for seen in answers["reference"] if began + 1.5 < seen.asked < ended - 6 and seen.status == 200]
    assert not passed, "let through by a worker that cannot know"
    refused = [seen for seen in answers["reference"] if seen.status != 200]
    assert {(seen.status, seen.code) for seen in refused} == {(503, "5004")}
    assert {seen.status for seen in answers["reference"] if seen.asked > restored} == {200}


@contextmanager
def database_replaced(stack: Stack, by: str) -> Iterator[None]:
    """The files moved away, and something else in their place; the workers start anew and find that."""
    aside = stack.data_dir / "aside"
    aside.mkdir()
    names = ["menshen.db", "menshen.db-wal", "menshen.db-shm"]
    for name in names:
        (stack.data_dir / name).rename(aside / name)
    file = stack.data_dir / "menshen.db"
    try:
        match by:
            case "a directory":
                file.mkdir()
            case "garbage":
                file.write_bytes(os.urandom(65536))
        for pid in workers(stack):
            os.kill(pid, signal.SIGKILL)
        yield
    finally:
        if file.is_dir():
            file.rmdir()
        for name in names:
            (stack.data_dir / name).unlink(missing_ok=True)
            (aside / name).rename(stack.data_dir / name)
        aside.rmdir()


@pytest.mark.parametrize("by", ["a directory", "garbage"])
def test_workers_without_a_database_check_what_needs_none(by: str, stack: Stack) -> None:
    logins = {kind: log_in(stack, kind, "zhangsan") for kind in KINDS}
    gone = {kind: log_in(stack, kind, "gone") for kind in KINDS}
    for login in gone.values():
        assert admin(stack, "/v1/sessions/revoke", {"session": login.sid}).json == {"ended": 1}
    over_within(stack, *gone.values())
    idle = log_in(stack, "idle-sealed", "zhangsan")
    due = aged(stack, idle, 300)
    before = workers(stack)
    with database_replaced(stack, by):
        until(lambda: len(workers(stack)) == 2 and not set(workers(stack)) & set(before), 60)
        until(lambda: all(check(stack, logins["sealed"]).status == 200 for _ in range(6)), 60)
        for _ in range(6):
            assert check(stack, logins["sealed"]).identity["x-menshen-user"] == logins["sealed"].uid
            assert check(stack, logins["signed"]).identity["x-menshen-user"] == logins["signed"].uid
            assert check(stack, logins["reference"]).refusal == UNCHECKED
            assert check(stack, gone["sealed"]).refusal == REVOKED
            assert check(stack, gone["signed"]).refusal == REVOKED
            assert check(stack, gone["reference"]).refusal == UNCHECKED
        renewed = check(stack, idle, due)
        assert renewed.status == 200
        assert renewed.headers["user_session"]
        asks: dict[str, Reply] = {
            "login": stack.gateway("/signed/login", ("js_code", stack.code("late"))),
            "refresh": refresh(stack, logins["signed"].refresh),
            "logout": stack.gateway("/v1/logout", ("user_session", logins["signed"].state), method="POST"),
            "list": stack.gateway("/v1/sessions", ("user_session", logins["signed"].state)),
        }
        for name, reply in asks.items():
            assert reply.refusal == UNCHECKED, name
    everything_works(stack)
    for kind, login in logins.items():
        assert check(stack, login).status == 200, kind
        assert refresh(stack, login.refresh).status == 200, kind
    over_within(stack, *gone.values())


def test_files_moved_away_under_a_running_node_let_nobody_through(stack: Stack) -> None:
    """Its processes hold them open: they may go on, or refuse. Whoever was ended stays out, whoever is ended goes."""
    logins = {kind: log_in(stack, kind, "zhangsan") for kind in KINDS}
    gone = {kind: log_in(stack, kind, "gone") for kind in KINDS}
    for login in gone.values():
        assert admin(stack, "/v1/sessions/revoke", {"session": login.sid}).status == 200
    over_within(stack, *gone.values())
    aside = stack.data_dir / "aside"
    aside.mkdir()
    names = ["menshen.db", "menshen.db-wal", "menshen.db-shm"]
    for name in names:
        (stack.data_dir / name).rename(aside / name)
    (stack.data_dir / "menshen.db").mkdir()
    try:
        time.sleep(1.5)
        for _ in range(6):
            for kind in ("sealed", "signed"):
                assert check(stack, logins[kind]).status == 200
                assert check(stack, gone[kind]).refusal == REVOKED
            reply = check(stack, logins["reference"])
            assert reply.status == 200 or reply.refusal == UNCHECKED
            assert check(stack, gone["reference"]).refusal in (REVOKED, UNCHECKED)
        login = stack.gateway("/sealed/login", ("js_code", stack.code("late")))
        assert login.status == 200 or login.refusal == UNCHECKED
    finally:
        (stack.data_dir / "menshen.db").rmdir()
        for name in names:
            (aside / name).rename(stack.data_dir / name)
        aside.rmdir()
    everything_works(stack)
    over_within(stack, *gone.values())
    assert sessions_of(stack, logins["sealed"].state)
    until(partial(_list_of_operator, stack), 60)


def test_a_database_that_was_missing_is_found_again(stack: Stack) -> None:
    logins = {kind: log_in(stack, kind, "zhangsan") for kind in KINDS}
    before = workers(stack)
    with database_replaced(stack, "nothing"):
        until(lambda: len(workers(stack)) == 2 and not set(workers(stack)) & set(before), 60)
        until(lambda: all(check(stack, logins["sealed"]).status == 200 for _ in range(6)), 60)
        for _ in range(6):
            assert check(stack, logins["sealed"]).status == 200
            assert check(stack, logins["signed"]).status == 200
            assert check(stack, logins["reference"]).refusal == UNCHECKED
            assert stack.gateway("/signed/login", ("js_code", stack.code("late"))).refusal == UNCHECKED
    everything_works(stack)


def _list_of_operator(stack: Stack) -> bool:
    return admin(stack, "/v1/sessions").status == 200
