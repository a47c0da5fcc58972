"""What a client says past the names and paths that a gateway looks at: tunnels, hops, two hosts, odd names."""

from __future__ import annotations

import pytest

from tests.edge.conftest import Stack
from tests.integrate.proxies import FRONTS
from tests.integrate.test_proxies import received, spelt

SEPARATORS = "!#$%&'*+.^`|~"


@pytest.mark.parametrize("upgrade", [("h2c",), ("websocket, h2c",), ("h2c", "websocket"), ("websocket", "h2c"), ("x",)])
def test_no_tunnel_but_a_websocket_is_asked_of_a_backend(upgrade: tuple[str, ...], front: Stack) -> None:
    asked = [("Upgrade", value) for value in upgrade]
    reply = front.gateway("/mall/static/x", ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", ""), *asked)
    if reply.status == 200:
        assert reply.seen.get("upgrade", "websocket") == "websocket"
    else:
        assert reply.status in (400, 403)


def test_a_client_has_no_header_dropped_behind_the_gateway(front: Stack) -> None:
    state = ("user_session", front.log_in("zhangsan"))
    reply = front.gateway("/mall/orders/1", state, ("Connection", "close, X-Menshen-User, X-Request-Id"))
    assert reply.identity["x-menshen-user"]
    assert "x-" not in reply.seen.get("connection", "").lower()


def test_the_host_that_chose_the_route_is_the_one_that_the_backend_reads(front: Stack) -> None:
    reply = front.gateway("http://named.example.com/anything", host="other.example.com")
    assert reply.status in (400, 404) or reply.seen["host"] == "named.example.com"


def test_a_comma_makes_no_two_hosts_of_one(front: Stack) -> None:
    reply = front.gateway("/anything", host="other.example.com,named.example.com")
    assert reply.status in (400, 404)


@pytest.mark.parametrize("proxy", FRONTS, scope="session")  # what finds the route for the others is made here
@pytest.mark.parametrize("host", ["named.example.com.", "NAMED.example.com.:80"])
def test_a_dot_behind_a_host_makes_no_other_site_of_it(host: str, front: Stack, proxy: str) -> None:
    assert front.gateway("/anything", host=host).status == (400 if proxy == "caddy" else 200)


def test_no_separator_makes_another_name_of_an_identity_header(front: Stack) -> None:
    for each in SEPARATORS:
        reply = front.gateway("/mall/static/x", (f"X{each}Menshen{each}User", "forged"))
        assert reply.status == 400 or "forged" not in reply.raw.decode()


@pytest.mark.parametrize(
    "name",
    [
        *("x-forwarded-for", "x-forwarded-proto", "x-forwarded-ssl", "x-forwarded-scheme", "x-forwarded-email"),
        *(
            "x-forwarded-client-cert",
            "x-original-forwarded-for",
            "x-forwarded-access-token",
            "x-envoy-auth-partial-body",
        ),
    ],
)
def test_what_other_gateways_say_is_not_a_clients_to_say(name: str, front: Stack) -> None:
    reply = front.gateway("/mall/static/x", *((each, "forged") for each in spelt(name)))
    assert [each for each, value in received(reply) if "forged" in value] == []
