"""Through a real Envoy: keys of other issuers, got from a server of theirs that is well, slow, wrong or gone."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from menshen.config.route_rules import Jwks, JwtRules
from menshen.config.snapshot import Route
from menshen.envoy import tokens
from tests.envoy.certificates import self_signed
from tests.envoy.edge import Got, edge_of
from tests.envoy.issuer import P256, Issuer, hmac_key, issued, jwt_rules, public_of, running_issuer
from tests.envoy.samples import route
from tests.envoy.signed import Key
from tests.envoy.test_edge_tokens import INVALID, MISSING, bearer
from tests.ports import free_port

UNCHECKED = (503, 5024, "checker_unavailable")
NEXT: Key = ("partner-3", "ES256", ECKey.generate_key("P-256"))


def guarded(rules: JwtRules, name: str = "a") -> Route:
    return route(
        "p", name, f"/{name}", None, prefix="/p", access="required", jwt=rules, identity_headers=("x-partner-user",)
    )


def by_url(url: str, **changes: Any) -> JwtRules:
    return jwt_rules(keys=Jwks(url=url), claims=(("sub", "x-partner-user"),), **changes)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer(Issuer(body=public_of(P256).encode())) as issuer:
        yield issuer


def eventually(ask: Callable[[], Got], status: int, limit: float = 90.0) -> Got:
    deadline = time.monotonic() + limit
    while (got := ask()).status != status:
        assert time.monotonic() < deadline, got
        time.sleep(0.05)
    return got


def test_keys_are_got_from_the_issuer(issuer: Issuer) -> None:
    with edge_of(routes=(guarded(by_url(issuer.url)),)) as edge:
        assert edge.ask("/p/a", [bearer(issued())]).status == 200
        assert edge.forwarded.one("x-partner-user") == "partner-user"
        assert edge.ask("/p/a").refusal == MISSING
        asked = issuer.asked
        for _ in range(20):
            assert edge.ask("/p/a", [bearer(issued(NEXT))]).refusal == INVALID
        assert issuer.asked == asked, "an unknown key id makes nobody ask"


def test_a_key_that_the_issuer_changes_is_changed_here(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was signed with the old one is refused, though it was good a moment ago (attack class 29)."""
    monkeypatch.setattr(tokens, "_CACHE", 1.0)
    old, new = issued(), issued(NEXT)
    with edge_of(routes=(guarded(by_url(issuer.url)),)) as edge:
        assert edge.ask("/p/a", [bearer(old)]).status == 200
        assert edge.ask("/p/a", [bearer(new)]).refusal == INVALID
        issuer.body = public_of(P256, NEXT).encode()
        eventually(lambda: edge.ask("/p/a", [bearer(new)]), 200)
        assert edge.ask("/p/a", [bearer(old)]).status == 200
        issuer.body = public_of(NEXT).encode()
        assert eventually(lambda: edge.ask("/p/a", [bearer(old)]), 401).refusal == INVALID
        assert edge.ask("/p/a", [bearer(new)]).status == 200


ODD = {
    "not JSON": (200, b"<html>"),
    "no keys": (200, b"{}"),
    "an empty set": (200, b'{"keys": []}'),
    "an error": (500, public_of(NEXT).encode()),
    "a redirect": (302, public_of(NEXT).encode()),
    "10 MB of nothing": (200, b"x" * 10_000_000),
}


def test_keys_stay_while_the_issuer_answers_nonsense(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_CACHE", 1.0)
    with edge_of(routes=(guarded(by_url(issuer.url)),)) as edge:
        assert edge.ask("/p/a", [bearer(issued())]).status == 200
        for status, body in ODD.values():
            issuer.status, issuer.body = status, body
            issuer.headers = (("location", issuer.url),) if status == 302 else ()
            asked = issuer.asked
            while issuer.asked < asked + 2:
                time.sleep(0.05)
            assert edge.ask("/p/a", [bearer(issued())]).status == 200
            assert edge.ask("/p/a", [bearer(issued(NEXT))]).refusal == INVALID


@pytest.mark.parametrize("oddity", ODD)
def test_nothing_passes_before_there_are_keys(issuer: Issuer, oddity: str) -> None:
    issuer.status, issuer.body = ODD[oddity]
    issuer.headers = (("location", issuer.url),) if issuer.status == 302 else ()
    with edge_of(routes=(guarded(by_url(issuer.url)),)) as edge:
        assert edge.ask("/p/a", [bearer(issued())]).refusal == UNCHECKED
        assert edge.ask("/p/a", [bearer(issued(NEXT))]).refusal == UNCHECKED
        assert edge.ask("/p/a").refusal == MISSING
        assert edge.ask("/p/a", [bearer("x")]).refusal == INVALID
        assert not edge.backend.received
        issuer.status, issuer.body, issuer.headers = 200, public_of(P256).encode(), ()
        eventually(lambda: edge.ask("/p/a", [bearer(issued())]), 200)


def test_class_22_a_shared_key_in_the_issuers_set_signs_nothing(issuer: Issuer) -> None:
    """Everybody can read that set, so everybody could sign with it."""
    shared = OctKey.import_key(b"a-secret-that-was-published").as_dict(private=True)
    keys = json.loads(public_of(P256))["keys"]
    issuer.body = json.dumps({"keys": [*keys, {**shared, "kid": "shared", "alg": "HS256"}]}).encode()
    with edge_of(routes=(guarded(by_url(issuer.url)),)) as edge:
        assert edge.ask("/p/a", [bearer(issued())]).status == 200
        forged = issued(hmac_key(b"a-secret-that-was-published"))
        assert edge.ask("/p/a", [bearer(forged)]).refusal == INVALID
        assert len(edge.backend.received) == 1


def test_envoy_starts_while_the_issuer_is_down_and_finds_it_when_it_is_back() -> None:
    issuer = Issuer(port=free_port(), body=public_of(P256).encode())
    routes = (guarded(by_url(issuer.url)), route("p", "free", "/free", None, prefix="/p"))
    with edge_of(routes=routes) as edge:
        assert edge.ask("/p/free").status == 200
        assert edge.ask("/p/a", [bearer(issued())]).refusal == UNCHECKED
        with running_issuer(issuer):
            eventually(lambda: edge.ask("/p/a", [bearer(issued())]), 200)


@pytest.mark.parametrize(
    "url", ["http://issuer.invalid/keys", "http://[::1]:9/realms/a/keys", "https://localhost:9/keys?policy=a&b=%20"]
)
def test_an_issuer_where_nobody_is(url: str) -> None:
    with edge_of(routes=(guarded(by_url(url)),)) as edge:
        assert edge.ask("/p/a", [bearer(issued())]).refusal == UNCHECKED


def test_a_slow_issuer_keeps_nobody_else_waiting(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_FETCH", 1.0)
    issuer.delay = 120.0
    started = time.monotonic()
    routes = (guarded(by_url(issuer.url)), guarded(jwt_rules(plugin="other"), "b"))
    with edge_of(routes=routes) as edge:
        assert edge.ask("/p/b", [bearer(issued())]).status == 200
        assert edge.ask("/p/a", [bearer(issued())]).refusal == UNCHECKED
        assert time.monotonic() - started < 90.0, "nobody waited for the answer"


def test_a_flood_of_tokens_does_not_reach_an_issuer_whose_keys_are_missing(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_FETCH", 20.0)
    issuer.delay = 1.0
    issuer.status = 500
    with edge_of(routes=(guarded(by_url(issuer.url)),)) as edge:
        threads = [threading.Thread(target=lambda: edge.ask("/p/a", [bearer(issued())])) for _ in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 1 < issuer.most <= 10
        assert not edge.backend.received


def test_a_revision_is_live_though_its_issuer_is_down_and_old_and_new_tokens_do_not_mix(issuer: Issuer) -> None:
    gone = by_url(f"http://127.0.0.1:{free_port()}/keys", plugin="gone")
    old, new = by_url(issuer.url, audiences=("old",)), by_url(issuer.url, audiences=("new",))
    for_old, for_new = bearer(issued(aud="old")), bearer(issued(aud="new"))
    with edge_of(routes=(guarded(old),)) as edge:
        assert edge.ask("/p/a", [for_old]).status == 200
        edge.run(edge.data_plane.apply(edge.sample(routes=(guarded(new), guarded(gone, "b")))))
        eventually(lambda: edge.ask("/p/a", [for_new]), 200)
        assert edge.ask("/p/a", [for_old]).refusal == INVALID
        assert edge.ask("/p/b", [bearer(issued())]).refusal == UNCHECKED
        time.sleep(0.5)  # what only the old revision had is taken away meanwhile
        eventually(lambda: edge.ask("/p/a", [for_new]), 200)
        edge.run(edge.data_plane.apply(edge.sample(routes=(route("p", "a", "/a", None, prefix="/p"),))))
        assert edge.ask("/p/a").status == 200
        time.sleep(0.5)
        edge.run(edge.data_plane.apply(edge.sample(routes=(guarded(old),))))
        eventually(lambda: edge.ask("/p/a", [for_old]), 200)


def test_no_request_fails_while_revisions_change(issuer: Issuer) -> None:
    """The plugin changes by its claims only, so each token is as good before as after."""
    changes = [by_url(issuer.url), jwt_rules(plugin="partner"), by_url(issuer.url, skew=7), by_url(issuer.url, skew=8)]
    with edge_of(routes=(guarded(changes[0]),)) as edge:
        eventually(lambda: edge.ask("/p/a", [bearer(issued())]), 200)
        failed: list[Got] = []
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                got = edge.ask("/p/a", [bearer(issued())])
                if got.status != 200:
                    failed.append(got)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            for rules in [*changes[1:], *changes]:
                edge.run(edge.data_plane.apply(edge.sample(routes=(guarded(rules),))))
        finally:
            stop.set()
            thread.join()
        assert not failed


class Secured(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Envoy turns away from a certificate that it does not trust."""


@pytest.mark.parametrize("name", ["localhost", "somebody-else.example"])
def test_over_https_the_certificate_must_be_the_issuers(tmp_path: Path, name: str) -> None:
    certificate, key = self_signed(tmp_path, name)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = public_of(P256).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Not on the screen of the tests."""

    with Secured(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        rules = by_url(f"https://localhost:{server.server_address[1]}/keys")
        with edge_of(routes=(guarded(rules),), system_ca=certificate) as edge:
            if name == "localhost":
                eventually(lambda: edge.ask("/p/a", [bearer(issued())]), 200)
            else:
                assert edge.ask("/p/a", [bearer(issued())]).refusal == UNCHECKED
        server.shutdown()
