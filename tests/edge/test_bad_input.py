"""Bad input at the edge: each a clear error, in the contract's form, and the gateway as well as before."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.edge.conftest import SECRET, Stack
from tests.edge.processes import Reply

MEGABYTE = "a" * 1_000_000


@pytest.fixture(scope="module")
def state(stack: Stack) -> str:
    return stack.log_in("mallory")


@pytest.fixture(autouse=True)
def _still_well(stack: Stack, state: str) -> Iterator[None]:
    yield
    assert stack.gateway("/mall/orders/1", ("user_session", state)).status == 200


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("", "code_malformed"),
        ("abc&appid=wx0000000000000002", "code_malformed"),
        ("abc%26appid%3Dwx0000000000000002", "code_malformed"),
        ("a b", "code_malformed"),
        ("微信", "code_malformed"),
        ("a" * 10_240, "code_malformed"),
        ("abc,def", "ambiguous_credential"),
        ("nobodyknowsthiscode", "code_invalid"),
    ],
    ids=["empty", "ampersand", "escaped ampersand", "space", "Chinese", "10 KB", "two", "unknown"],
)
def test_codes(code: str, reason: str, stack: Stack) -> None:
    before = stack.exchanges()
    reply = stack.gateway("/mall/login", ("js_code", code.encode().decode("latin-1")))
    assert reply.refusal[2] == reason
    assert stack.exchanges() - before == (1 if reason == "code_invalid" else 0)


@pytest.mark.parametrize(
    "code", ["a\nb", "a\r\nX-Evil: 1", "a\x00b", "abc&secret=x", "x" * 7000, "", 5, None, ["a"], {"a": 1}],
    ids=lambda code: repr(code)[:20],
)  # fmt: skip
def test_codes_in_a_json_body(code: object, stack: Stack) -> None:
    before = stack.exchanges()
    status, number, _ = stack.gateway.post_json("/book/login", {"code": code}).refusal
    assert (status, number) == (400, 4000)
    assert stack.exchanges() == before


@pytest.mark.parametrize("extra", ["abc\nX-Menshen-User: root", "a\rb"])
def test_a_line_break_in_a_header_is_no_second_header(extra: str, stack: Stack) -> None:
    with socket.create_connection((stack.gateway.host, stack.gateway.port), timeout=20) as raw:
        raw.sendall(f"GET /mall/orders/1 HTTP/1.1\r\nHost: x\r\njs_code: {extra}\r\n\r\n".encode())
        answer = raw.recv(65536)
    assert answer.split()[1] in (b"400", b"401")
    assert b"root" not in answer


def _two(stack: Stack, state: str) -> dict[str, Reply]:
    gateway = stack.gateway
    pair = f"user_session={state}"
    return {
        "two headers": gateway("/mall/orders/1", ("user_session", state), ("user_session", state)),
        "header and cookie": gateway("/mall/orders/1", ("user_session", state), ("Cookie", pair)),
        "header and query": gateway(f"/mall/orders/1?{pair}", ("user_session", state)),
        "two in the query": gateway(f"/query/x?{pair}&{pair}"),
        "an escaped name in the query": gateway(f"/query/x?user%5Fsession={state}"),
        "two cookies": gateway("/cookie/x", ("Cookie", f"{pair}; {pair}")),
        "two Cookie headers": gateway("/cookie/x", ("Cookie", pair), ("Cookie", pair)),
        "cookie and header": gateway("/cookie/x", ("Cookie", pair), ("user_session", state)),
    }


def test_two_login_states_are_refused_wherever_they_are(stack: Stack, state: str) -> None:
    for name, reply in _two(stack, state).items():
        assert reply.refusal == (400, 4000, "ambiguous_credential"), name


def test_a_login_state_of_a_megabyte(stack: Stack) -> None:
    assert stack.gateway("/mall/orders/1", ("user_session", MEGABYTE)).refusal[1] == 4000


def test_a_login_state_of_30_kilobytes(stack: Stack) -> None:
    reply = stack.gateway("/mall/orders/1", ("user_session", MEGABYTE[:30_000]))
    assert reply.refusal == (401, 4001, "session_invalid")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_garbage_truncated_and_flipped_states(data: st.DataObject, stack: Stack, state: str) -> None:
    cut = st.integers(1, len(state) - 1).map(lambda n: state[:n])
    printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=1)
    flipped = st.tuples(st.integers(0, len(state) - 1), st.sampled_from("ABCxyz019-_.")).map(
        lambda change: state[: change[0]] + change[1] + state[change[0] + 1 :]
    )
    forged = data.draw(st.one_of(cut, printable, flipped).filter(lambda text: text != state))
    assert stack.gateway("/mall/orders/1", ("user_session", forged)).refusal == (401, 4001, "session_invalid")


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b'{"code": "' + b"a" * 9000 + b'"}', "application/json", "body_too_large"),
        (b'{"code": "abc"', "application/json", "body_malformed"),
        (b'["abc"]', "application/json", "body_malformed"),
        (b"[" * 8000, "application/json", "body_malformed"),
        (b"\xff\xfe{", "application/json", "body_malformed"),
        (b'{"code":"a","code":"b"}', "application/json", "ambiguous_credential"),
        (b"code=a&code=b", "application/x-www-form-urlencoded", "ambiguous_credential"),
        (b'{"code": "abc"}', "text/html", "session_missing"),
        (b"", "application/json", "session_missing"),
    ],
)
def test_bodies(body: bytes, content_type: str, reason: str, stack: Stack) -> None:
    reply = stack.gateway("/book/login", ("Content-Type", content_type), method="POST", body=body)
    assert reply.refusal[2] == reason


def test_a_client_that_sends_the_secret_is_told_so(stack: Stack) -> None:
    code = stack.code("lisi")
    before = stack.exchanges()
    login = {"appid": "wx4f4bc4dec97d474b", "secret": SECRET, "code": code}
    replies = [
        stack.gateway.post_json("/book/login", login),
        stack.gateway.post_json("/book/login", {"code": code, "appSecret": "x"}),
        stack.gateway.post_json("/book/login", {"code": code, "k": SECRET}),
        stack.gateway("/mall/login", ("js_code", code), ("secret", "x")),
        stack.gateway(f"/mall/login?secret={SECRET}", ("js_code", code)),
        stack.gateway(f"/mall/login?k={SECRET}", ("js_code", code)),
    ]
    for reply in replies:
        assert reply.refusal == (400, 4000, "client_sent_secret")
        assert SECRET.encode() not in reply.raw
    assert stack.exchanges() == before


PATHS = {
    "/mall/static/../orders/1": "401: checked as /mall/orders/1",
    "/mall/static/%2e%2e/orders/1": "401",
    "/mall/static/..;/orders/1": "400 or 401 or 404",
    "/mall/static/x;/../../orders/1": "400 or 401",
    "//mall//orders///1": "401",
    "/mall/./orders/1": "401",
    "/mall/static%2f..%2forders/1": "400",
    "/mall/static/..%2forders/1": "400",
    "/mall/static/..%5corders/1": "400",
    "/mall/static/..\\orders\\1": "400 or 401",
    "/mall/static/%252e%252e/orders/1": "400",
    "/mall/static/..%252forders/1": "400",
    "/mall/static/;x=1/y": "400",
    "/mall/static/%3bx": "400",
    "/mall/static/%00": "400",
    "/mall/static/%c0%ae%c0%ae/orders/1": "400",
    "/mall/orders/1/": "404",
    "/mall/orders/": "404",
    "/MALL/orders/1": "404",
    "/mall/orders/1#/mall/static/x": "400 or 401",
    "/mall/orders/1?path=/mall/static/x": "401",
    "/mallx/static/x": "404",
    "/": "404",
    "/mall": "404",
    "*": "400 or 404",
}


@pytest.mark.parametrize("path", PATHS)
def test_paths_are_read_in_one_way_only(path: str, stack: Stack) -> None:
    """Attack classes 12 to 14: nothing of these may reach a backend as anybody, and each gets our JSON."""
    reply = stack.gateway(path)
    status, code, _ = reply.refusal
    assert str(status) in PATHS[path].split(":")[0].split(" or ")
    assert code == {400: 4000, 401: 4001, 404: 4004}[status]


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "FOO", "get"])
def test_a_method_that_the_api_does_not_have(method: str, stack: Stack) -> None:
    reply = stack.gateway("/mall/orders/1", method=method)
    assert reply.status in (400, 405)
    assert reply.headers["x-menshen-code"] in ("4000", "4004")
    if reply.status == 405:
        assert reply.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("host", ["", "a b", "named.example.com@evil", "127.0.0.1:99999", "[::1", "a" * 300, "../x"])
def test_odd_hosts(host: str, stack: Stack) -> None:
    reply = stack.gateway("/anything", host=host or " ")
    assert reply.refusal[1] in (4000, 4004)


def test_an_absolute_request_target_counts_not_the_host(stack: Stack) -> None:
    reply = stack.gateway("http://named.example.com/anything", host="other.example.com")
    if reply.status == 200:
        assert reply.seen["host"] == "named.example.com"
    else:
        assert reply.refusal[1] in (4000, 4004)


def test_two_content_lengths_or_a_smuggled_request(stack: Stack) -> None:
    """Attack class 46."""
    for headers in (
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: xchunked\r\n",
    ):
        with socket.create_connection((stack.gateway.host, stack.gateway.port), timeout=20) as raw:
            raw.sendall(f"POST /mall/static/x HTTP/1.1\r\nHost: x\r\n{headers}\r\n0\r\n\r\n".encode())
            assert raw.recv(65536).split()[1] in (b"400", b"501")
