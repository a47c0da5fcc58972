"""Two nodes on one PostgreSQL: what happened at one counts at the other, and nothing depends on which one was asked."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.edge.conftest import Stack
from tests.edge.nodes import Nodes, two_nodes
from tests.edge.processes import Reply
from tests.edge.sessions import (
    KINDS,
    REUSED,
    admin,
    check,
    log_in,
    logout,
    over_within,
    refresh,
    session_stack,
    sessions_of,
)
from tests.edge.test_faults import children
from tests.edge.test_reload import until
from tests.postgresql import PostgreSQL


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Iterator[Nodes]:
    with two_nodes(tmp_path_factory.mktemp("postgresql"), postgresql, session_stack) as running:
        yield running


@pytest.mark.parametrize("kind", KINDS)
def test_who_logged_in_at_one_is_let_in_at_the_other(nodes: Nodes, kind: str) -> None:
    login = log_in(nodes.one, kind, f"traveller-{kind}")
    seen = check(nodes.two, login)
    assert seen.status == 200
    assert seen.identity["x-menshen-user"] == login.uid
    assert log_in(nodes.two, kind, f"traveller-{kind}").uid == login.uid
    assert {session["id"] for session in sessions_of(nodes.two, login.state)} >= {login.sid}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["command", "admin", "logout"])
def test_who_is_revoked_at_one_is_out_at_the_other_within_a_second(nodes: Nodes, kind: str, how: str) -> None:
    login, friend = log_in(nodes.one, kind, f"{how}-{kind}"), log_in(nodes.one, kind, f"friend-{how}-{kind}")
    assert check(nodes.two, login).status == 200
    if how == "command":
        done = nodes.command("sessions", "revoke", "--user", login.uid)
        assert done.returncode == 0, done.stderr
    elif how == "admin":
        assert admin(nodes.one, "/v1/sessions/revoke", {"user": login.uid}).status == 200
    else:
        assert logout(nodes.one, login.state).status == 200
    over_within(nodes.two, login)
    over_within(nodes.one, login)
    assert check(nodes.two, friend).status == 200


def test_a_code_is_exchanged_once_whichever_node_it_reaches(nodes: Nodes) -> None:
    """Parallel requests share one login; a request that comes later is a replay, also at the other node."""
    code, before = nodes.one.code("racer"), nodes.one.exchanges()
    asks = [partial(node.gateway, "/sealed/login", ("js_code", code)) for node in nodes.both * 4]
    with ThreadPoolExecutor(len(asks)) as pool:
        replies = [future.result() for future in [pool.submit(ask) for ask in asks]]
    let_in = [reply for reply in replies if reply.status == 200]
    assert let_in
    assert {reply.refusal[1:] for reply in replies if reply.status != 200} <= {(4022, "code_used")}
    assert len({reply.identity["x-menshen-session"] for reply in let_in}) == 1
    assert nodes.one.exchanges() == before + 1
    for node in nodes.both:
        assert node.gateway("/sealed/login", ("js_code", code)).refusal[1:] == (4022, "code_used")


def test_fifty_parallel_logins_of_a_new_user_at_two_nodes_make_one_user(nodes: Nodes) -> None:
    """Each with a code of its own, half of them at each node (attack class 40)."""
    codes = [nodes.one.code("newcomer") for _ in range(50)]

    def ask(number: int) -> Reply:
        node = nodes.both[number % 2]
        return node.gateway("/signed/login", ("js_code", codes[number]))

    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(ask, range(50)))
    assert [reply.status for reply in replies] == [200] * 50
    assert len({reply.identity["x-menshen-user"] for reply in replies}) == 1
    assert len({reply.identity["x-menshen-session"] for reply in replies}) == 50


def test_a_refresh_token_is_good_once_at_all_nodes_together(nodes: Nodes) -> None:
    login = log_in(nodes.one, "sealed", "refresher")
    rotated = refresh(nodes.two, login.refresh)
    assert rotated.status == 200
    state = rotated.json["user_session"]
    assert check(nodes.one, login, state).status == 200
    assert refresh(nodes.one, login.refresh).refusal == REUSED
    over_within(nodes.two, replace(login, state=state))


def test_a_document_that_one_node_accepts_runs_at_both(nodes: Nodes) -> None:
    original = nodes.one.config.read_text()
    login = log_in(nodes.one, "sealed", "reader")
    changed = original.replace("{name: chat, path: /chat}", "{name: chat, path: /chat}, {name: extra, path: /extra}", 1)
    asks = [partial(node.gateway, "/sealed/extra", ("user_session", login.state)) for node in nodes.both]
    assert changed != original
    assert [ask().status for ask in asks] == [404, 404]
    nodes.one.config.write_text(changed)
    until(lambda: [ask().status for ask in asks] == [200, 200])
    nodes.one.config.write_text(original)
    until(lambda: [ask().status for ask in asks] == [404, 404])


def test_without_the_database_states_are_checked_and_nobody_is_let_in_anew(nodes: Nodes) -> None:
    logins = {kind: log_in(nodes.one, kind, "insider") for kind in KINDS}
    for login in logins.values():
        assert check(nodes.two, login).status == 200
    with nodes.without_database():
        for node in nodes.both:
            for kind in ("sealed", "signed"):
                assert check(node, logins[kind]).status == 200
            refused = node.gateway("/sealed/login", ("js_code", nodes.one.code("outsider")))
            assert refused.refusal == (503, 5004, "brain_unavailable")
    for node in nodes.both:
        until(partial(_lets_in, node), 60)
        assert check(node, logins["reference"]).status == 200


def _lets_in(node: Stack) -> bool:
    return node.gateway("/sealed/login", ("js_code", node.code("outsider"))).status == 200


def test_the_password_of_the_database_is_nowhere_to_be_seen(nodes: Nodes) -> None:
    """A command line can be read by every user of the machine."""
    password = nodes.server.password.encode()
    for node in nodes.both:
        processes = [node.serve.pid, *children(node.serve.pid, "")]
        assert len(processes) > 2
        for pid in processes:
            assert password not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert password not in node.serve.log.read_bytes()
        for file in node.data_dir.rglob("*"):
            assert not file.is_file() or password not in file.read_bytes(), file
    wrong = nodes.server.url(nodes.name, "planted-password")
    for arguments in (
        ("sessions", "list"),
        ("revisions",),
        ("serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"),
    ):
        refused = nodes.command(*arguments, url=wrong)
        assert refused.returncode == 1, arguments
        assert "InvalidPasswordError" in refused.stderr
        assert "planted-password" not in refused.stdout + refused.stderr


def test_sqlite_is_not_touched(nodes: Nodes) -> None:
    """Who sets the variable has all of it in PostgreSQL: nothing is kept in two places."""
    log_in(nodes.two, "sealed", "counted")
    for node in nodes.both:
        assert not list(node.data_dir.glob("menshen.db*"))
