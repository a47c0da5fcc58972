"""Through a real Envoy: one reading of host, path and method (attack classes 12 to 17)."""

from __future__ import annotations

import string

import pytest

from tests.envoy.edge import Edge

STATE = [("user_session", "s")]
MALFORMED = (400, 4000, "malformed_request")
NOWHERE = (404, 4004, "no_such_route")


def stamped(edge: Edge) -> str:
    return (edge.asked.one("x-menshen-route") or "").partition("@")[0]


@pytest.mark.parametrize(
    "target",
    [
        "/mall/static/..%2fadmin/users",
        "/mall/static/%2e%2e%2fadmin",
        "/mall/static/..%5cadmin/users",
        "/mall/static/x%5C..%5C..%5Cadmin",
        "/mall/static/;/admin",
        "/mall/static/a;/../admin/users;x",
        "/mall/static/a;x=1",
        "/mall/static/a%3bx=1",
        "/mall/static/a%3B",
        "/mall/static/a%00",
        "/mall/static/%00/../admin",
        "/mall/static/%252e%252e/admin",
        "/mall/static/%252E%252e%252fadmin",
        "/mall/static/%25252fadmin",
        "/mall/static/%255cadmin",
        "/mall/static/%253bx",
        "/mall/static/%c0%ae%c0%ae/admin",
        "/mall/static/%C1%9Cadmin",
        "/mall/static/%f5%80%80%80",
        "/mall/static/%ff",
        "/mall/static/a#/../admin",
        "/mall/static/\x01",
        "/mall/static/\xff;x",
        "/mall/static/\xc0\xae;x",
        "/mall/static/a\tb",
    ],
)
def test_a_path_that_can_be_read_in_two_ways_is_refused(edge: Edge, target: str) -> None:
    got = edge.ask(target, STATE)
    assert got.status == 400, got
    assert got.refusal == MALFORMED
    assert not edge.backend.received
    assert not edge.brain.received


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/mall/static/../admin/users", "back/users"),
        ("/mall/static/%2e%2e/admin/users", "back/users"),
        ("/mall/static/%2E./admin/users", "back/users"),
        ("/mall/static/..;/admin/users", "back/users"),
        ("/mall/static/..;x=1/admin/users", "back/users"),
        ("/mall/static/.;a/../admin/users", "back/users"),
        ("/mall/%61dmin/users", "back/users"),
        ("/%6dall/adm%69n/%75sers", "back/users"),
        ("/mall//admin///users", "back/users"),
        ("/mall/./admin/users", "back/users"),
        ("/mall/static\\..\\admin\\users", "back/users"),
        ("//mall/admin/users", "back/users"),
        ("/mall/admin/users?x=/mall/static/", "back/users"),
        ("/mall/admin", "back/root"),
        ("/mall/admin/", "back/root"),
        ("http://elsewhere.example/mall/admin/users", "back/users"),
        ("/mall/orders/%E8%AE%A2", "mall/order"),
        ("/mall/orders/a%20b", "mall/order"),
        ("/odd/a,b", "odd/comma"),
        ("/odd/a%2Cb", "odd/comma"),
        ("/odd/a%2cb", "odd/comma"),
    ],
)
def test_what_is_normalised_is_asked_as_what_it_is(edge: Edge, target: str, route: str) -> None:
    got = edge.ask(target, STATE)
    assert got.status == 200, got
    assert stamped(edge) == route


def test_every_unreserved_character_is_decoded_before_it_is_matched(edge: Edge) -> None:
    """Otherwise ``/mall/%61dmin`` would be under ``/mall/*`` here and under ``/mall/admin`` at the backend."""
    for character in string.ascii_letters + string.digits + "-._~":
        edge.reset()
        assert edge.ask(f"/mall/static/x%{ord(character):02x}y").status == 200
        assert edge.forwarded.target == f"/mall/static/x{character}y"


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        ("/mall/admin/users", "/users"),
        ("/mall/admin/users?a=%2F..%3b", "/users?a=%2F..%3b"),
        ("/mall/admin", "/"),
        ("/mall/admin/?x=1", "/?x=1"),
        ("/mall/orders/7", "/mall/orders/7"),
        ("/mall//orders/../orders/7", "/mall/orders/7"),
    ],
)
def test_the_backend_sees_the_path_that_was_matched(edge: Edge, target: str, seen: str) -> None:
    assert edge.ask(target, STATE).status == 200
    assert edge.forwarded.target == seen


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/nowhere",
        "/mallet",
        "/mall/unknown",
        "/mall/static",
        "/mall/orders/",
        "/mall/orders/1/2",
        "/mall/admin/unknown",
        "/mall/admin/static/x",
        "/mall/ORDERS/7",
        "/mall/orders/7/",
        "/nowhere?/mall/static/x",
        "/x/mall/static/y",
    ],
)
def test_unknown_paths_are_404(edge: Edge, target: str) -> None:
    assert edge.ask(target, STATE).refusal == NOWHERE
    assert not edge.brain.received
    assert not edge.backend.received


def test_a_group_below_never_falls_through_to_a_public_wildcard_above(edge: Edge) -> None:
    host = "www.example.com"
    assert edge.ask("/anything", host=host).status == 200
    edge.reset()
    assert edge.ask("/mall/unknown", host=host).refusal == NOWHERE
    assert edge.ask("/mall/admin/unknown", host=host).refusal == NOWHERE
    assert edge.ask("/odd/unknown", host=host).refusal == NOWHERE
    assert not edge.backend.received


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("www.example.com", 200),
        ("WWW.Example.COM", 200),
        ("www.example.com:8443", 200),
        ("www.example.com.", 200),
        ("a.example.org", 200),
        ("a.b.example.org:80", 200),
        ("example.org", 404),
        ("example.com", 404),
        ("wwwexample.com", 404),
        ("www.example.com.evil.test", 404),
        ("evil.test", 404),
        ("127.0.0.1", 404),
        ("[::1]:8080", 404),
        ("user@www.example.com", None),
        ("www.example.com@evil.test", None),
        ("www.example.com, evil.test", None),
        ("", None),
    ],
)
def test_hosts(edge: Edge, host: str, status: int | None) -> None:
    got = edge.ask("/any", host=host)
    if status is None:
        assert got.status in (400, 404)
    else:
        assert got.status == status
    assert bool(edge.backend.received) == (status == 200)


def test_two_hosts_are_refused(edge: Edge) -> None:
    got = edge.ask("/any", [("Host", "evil.test")], host="www.example.com")
    assert got.status in (400, 404)
    assert not edge.backend.received


def test_the_authority_of_an_absolute_target_wins_and_is_what_the_backend_sees(edge: Edge) -> None:
    got = edge.ask("http://www.example.com/any", host="evil.test")
    assert got.status == 200
    assert edge.forwarded.one("host") == "www.example.com"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "get", "BREW"])
def test_other_methods_are_405(edge: Edge, method: str) -> None:
    got = edge.ask("/mall/orders/7", STATE, method=method)
    assert got.status in (405, 400)
    if got.status == 405 and method != "HEAD":
        assert got.refusal == (405, 4004, "method_not_allowed")
        assert got.all("allow") == ["GET, POST"]
    assert not edge.backend.received
    assert not edge.brain.received


def test_each_method_of_a_path_is_its_own_api(edge: Edge) -> None:
    assert edge.ask("/mall/orders", STATE).status == 200
    assert stamped(edge) == "mall/list"
    edge.reset()
    assert edge.ask("/mall/orders", STATE, method="POST").status == 200
    assert stamped(edge) == "mall/create"
    edge.reset()
    got = edge.ask("/mall/orders", STATE, method="DELETE")
    assert got.refusal == (405, 4004, "method_not_allowed")
    assert got.all("allow") == ["GET, POST"]


def test_a_method_override_changes_nothing(edge: Edge) -> None:
    edge.ask("/mall/orders/7", [*STATE, ("X-HTTP-Method-Override", "DELETE")])
    assert edge.forwarded.method == "GET"
    assert edge.forwarded.all("x-http-method-override") == []


@pytest.mark.parametrize("target", ["*", "h:80", "mall/static/x", ""])
def test_targets_that_are_no_path_are_refused(edge: Edge, target: str) -> None:
    raw = f"{'CONNECT' if ':' in target else 'OPTIONS'} {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
    got = edge.send(raw, "OPTIONS")
    assert got.status in (400, 403, 404)
    assert got.refusal[1] in (4000, 4004)
    assert not edge.backend.received
    assert not edge.brain.received
