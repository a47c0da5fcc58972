"""The user pool on PostgreSQL, with two nodes: what a person does at one is so at the other, and happens once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.edge.nodes import Nodes, two_nodes
from tests.edge.people import OWN, Person, admin, api, events, happens, logged, people_stack
from tests.edge.sessions import refused_within
from tests.postgresql import PostgreSQL

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Iterator[Nodes]:
    directory = tmp_path_factory.mktemp("people")
    with two_nodes(directory, postgresql, partial(people_stack, accounts=OWN)) as running:
        yield running


def test_an_account_bound_at_one_node_logs_in_at_the_other(nodes: Nodes) -> None:
    one, two = (Person(node, "binder") for node in nodes.both)
    assert one.try_in(username="binder-0001", password=PASSWORD).refusal[2] == "account_refused"
    body = {"username": "binder-0001", "password": PASSWORD, "code": one.code(), "app": "shop"}
    made = api(nodes.one, "register", body)
    assert made.status == 200, made.raw
    by_password = api(nodes.two, "login", {"username": "binder-0001", "password": PASSWORD, "app": "shop"})
    assert by_password.status == 200, by_password.raw
    by_code = two.try_in()
    assert by_code.json["uid"] == by_password.json["uid"] == made.json["uid"]
    seen = nodes.two.gateway("/mall/orders", ("user_session", by_code.json["user_session"]))
    assert seen.identity["x-menshen-account"] == "binder-0001"


def test_a_profile_changed_at_one_node_is_read_at_the_other(nodes: Nodes) -> None:
    state = Person(nodes.one, "painter").log_in()
    assert api(nodes.one, "me", {"nickname": "齐白石"}, state, "PATCH").status == 200
    assert api(nodes.two, "me", state=state).json["nickname"] == "齐白石"


def test_a_number_that_twenty_bind_at_once_has_one_owner(nodes: Nodes) -> None:
    """Ten of them at each node (attack class 38)."""
    people = [Person(nodes.both[number % 2], f"claimant-{number}") for number in range(20)]
    states = [person.log_in() for person in people]
    codes = [person.phone_code("13500500050") for person in people]

    def bind(number: int) -> int:
        reply = api(people[number].stack, "me/phone", {"phone_code": codes[number]}, states[number])
        if reply.status != 200:
            assert reply.refusal == (409, 4009, "phone_taken")
        return reply.status

    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(bind, range(20))) == {200: 1, 409: 19}


def test_who_is_banned_at_one_node_is_out_at_both_within_a_second(nodes: Nodes) -> None:
    one, two = (Person(node, "villain") for node in nodes.both)
    states = [one.log_in(), two.log_in()]
    uid = api(nodes.one, "me", state=states[0]).json["uid"]
    asks = [partial(node.gateway, "/mall/orders", ("user_session", state)) for node in nodes.both for state in states]
    assert [ask().status for ask in asks] == [200] * 4
    assert admin(nodes.one, f"/v1/users/{uid}/ban", {"reason": "fraud"}).status == 200
    refused_within(asks)
    assert {person.try_in().refusal for person in (one, two)} == {(403, 4003, "user_banned")}
    assert nodes.command("users", "unban", uid).returncode == 0
    assert {person.try_in().status for person in (one, two)} == {200}


def test_every_login_is_logged_and_told_once_whichever_node_had_it(nodes: Nodes) -> None:
    told = len(events(nodes.one))
    uids = {Person(nodes.both[number % 2], "regular").try_in().json["uid"] for number in range(10)}
    (uid,) = uids
    rows = logged(nodes.two, user=uid)
    assert [row["outcome"] for row in rows] == ["ok"] * 10
    assert [row["new_user"] for row in rows] == [False] * 9 + [True]

    def of_uid() -> list[str]:
        return [event["type"] for event in events(nodes.one)[told:] if event["data"]["uid"] == uid]

    happens(lambda: len(of_uid()) >= 11)
    assert Counter(of_uid()) == {"login": 10, "register": 1}


def test_the_nodes_have_one_access_token_together(nodes: Nodes) -> None:
    tokens = [admin(node, "/internal/apps/other/access-token").json["access_token"] for node in nodes.both * 2]
    assert len(set(tokens)) == 1
