"""Every framework's module on a real server: who calls, who does not pass, and what the application gets to see."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

import aiohttp
import pytest

from menshen.backend.refusals import AssertionInvalid, AssertionMissing, KeysUnavailable
from tests.backend.frameworks import FRAMEWORKS
from tests.backend.issuer import UID
from tests.backend.published import Published, publishing
from tests.edge.processes import Client, Reply, command

FORGED = [("X-Menshen-User", "u" + "z" * 26), ("X-Menshen-Account", "boss"), ("x-menshen-claim-level", "owner")]

Started = Callable[[str, str], Client]


@pytest.fixture(scope="module")
def published() -> Iterator[Published]:
    with publishing() as gateway:
        yield gateway


@pytest.fixture(scope="module")
def started(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """The application of a framework in a mode, started for the first test that asks for it."""
    log = tmp_path_factory.mktemp("apps") / "apps.log"
    running: dict[tuple[str, str], Client] = {}
    with contextlib.ExitStack() as stack:

        def start(framework: str, mode: str) -> Client:
            if (framework, mode) not in running:
                url = "http://127.0.0.1:9/jwks.json" if mode == "alone" else published.url
                arguments = ["-m", "tests.backend.apps", framework, "required" if mode == "alone" else mode, url]
                running[framework, mode] = Client(stack.enter_context(command(arguments, log)).origin)
            return running[framework, mode]

        yield start


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refusal(reply: Reply) -> tuple[int, str]:
    """It is JSON, and nothing that a client would take for the gateway's word."""
    body = reply.json.get("detail", reply.json)
    assert set(body) == {"reason", "message"}
    assert "x-menshen-code" not in reply.headers
    assert reply.headers["content-type"] == "application/json"
    return reply.status, body["reason"]


MISSING = (AssertionMissing.status, AssertionMissing.reason)
INVALID = (AssertionInvalid.status, AssertionInvalid.reason)


def test_the_request_has_its_user(framework: str, started: Started, published: Published) -> None:
    reply = started(framework, "required")("/me", ("X-Menshen-Assertion", published.assertion()))
    assert reply.status == 200, reply.raw
    assert (reply.json["uid"], reply.json["account"], reply.json["claims"]) == (UID, "e-1", {"level": "gold"})
    assert reply.json["authenticated"] is True


@pytest.mark.parametrize("headers", [[], [("X-Menshen-Assertion", "")], FORGED])
def test_nobody_gets_in_without_an_assertion(framework: str, started: Started, headers: list[tuple[str, str]]) -> None:
    assert refusal(started(framework, "required")("/me", *headers)) == MISSING


@pytest.mark.parametrize("headers", [[], [("X-Menshen-Assertion", "")], FORGED])
def test_where_login_is_optional_nobody_is_anonymous(
    framework: str, started: Started, headers: list[tuple[str, str]]
) -> None:
    reply = started(framework, "optional")("/me", *headers)
    assert reply.status == 200, reply.raw
    assert reply.json["authenticated"] is False
    assert "uid" not in reply.json


@pytest.mark.parametrize("mode", ["required", "optional"])
def test_no_forgery_passes_and_none_breaks_anything(
    framework: str, mode: str, started: Started, published: Published
) -> None:
    app = started(framework, mode)
    for name, values in published.forgeries().items():
        reply = app("/me", *(("X-Menshen-Assertion", value) for value in values))
        assert refusal(reply) == INVALID, name


@pytest.mark.parametrize("second", ["", "the same"])
def test_two_assertions_are_refused_though_one_is_good(
    framework: str, started: Started, published: Published, second: str
) -> None:
    good = published.assertion()
    sent = (("X-Menshen-Assertion", good), ("X-Menshen-Assertion", good if second else ""))
    assert refusal(started(framework, "required")("/me", *sent)) == INVALID


def test_forged_headers_beside_a_good_assertion_say_nothing(
    framework: str, started: Started, published: Published
) -> None:
    spellings = [*FORGED, ("X_Menshen_User", "u"), ("x-Menshen_user", "u"), ("X.Menshen.User", "u")]
    reply = started(framework, "required")("/me", ("X-Menshen-Assertion", published.assertion()), *spellings)
    assert (reply.json["uid"], reply.json["account"], reply.json["claims"]) == (UID, "e-1", {"level": "gold"})
    if framework != "fastapi":  # a dependency comes too late to hide a header
        assert set(reply.json["seen"]) == {"x-menshen-assertion"}


def test_plain_headers_are_believed_on_a_trusted_network(framework: str, started: Started) -> None:
    told = [("X-Menshen-User", UID), ("X-Menshen-Account", "e-2"), ("X-Menshen-Claim-Level", "silver")]
    reply = started(framework, "trusted")("/me", *told)
    assert (reply.json["uid"], reply.json["account"], reply.json["claims"]) == (UID, "e-2", {"level": "silver"})
    assert reply.json["seen"]["x-menshen-user"] == UID
    assert refusal(started(framework, "trusted")("/me")) == MISSING
    assert refusal(started(framework, "trusted")("/me", *told, ("X-Menshen-User", UID))) == INVALID


def test_without_keys_nobody_passes(framework: str, started: Started, published: Published) -> None:
    reply = started(framework, "alone")("/me", ("X-Menshen-Assertion", published.assertion()))
    assert refusal(reply) == (KeysUnavailable.status, KeysUnavailable.reason)


def test_keys_are_not_fetched_for_each_request(framework: str, started: Started, published: Published) -> None:
    app = started(framework, "required")
    app("/me", ("X-Menshen-Assertion", published.assertion()))
    asked = published.asked
    for _ in range(20):
        assert app("/me", ("X-Menshen-Assertion", published.assertion())).status == 200
    assert published.asked - asked <= 1  # these may have become too old just now


async def _talk(origin: str, headers: dict[str, str]) -> str:
    async with aiohttp.ClientSession() as client, client.ws_connect(f"{origin}/talk", headers=headers) as socket:
        return await socket.receive_str()


@pytest.mark.parametrize("framework", [framework for framework in FRAMEWORKS if framework in ("starlette", "fastapi")])
def test_a_websocket_opens_for_a_caller_only(framework: str, started: Started, published: Published) -> None:
    origin = started(framework, "required").origin
    assert asyncio.run(_talk(origin, {"X-Menshen-Assertion": published.assertion()})) == UID
    others = {"X-Menshen-Assertion": published.assertion(upstream="others")}
    for headers, status in (({}, 401), ({"X-Menshen-User": UID}, 401), (others, 403)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            asyncio.run(_talk(origin, headers))
        assert refused.value.status == status
