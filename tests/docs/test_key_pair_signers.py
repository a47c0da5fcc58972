"""The signers in the page sign as the gateway reads, and the example in the page is what they make."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from menshen.config.route_rules import KeyPair, KeyPairRules
from menshen.gateway.key_pair import proven_caller, string_to_sign
from menshen.gateway.request import AuthRequest, RequestLine
from menshen.secret import Secret
from tests.docs.test_docs import blocks, text

PAGES = ["docs/reference/plugins/key-pair.md", "docs/reference/plugins/key-pair.zh-CN.md"]
SECRET, URL, BODY = "not-a-secret-only-an-example", "https://api.example.com/erp/orders?page=2", b'{"amount":1}'
AT, NONCE = 1_790_000_000, "V1StGXR8_Z5jdHi6B-myT"
RULES = KeyPairRules("servers", (KeyPair("erp", Secret(SECRET)),), 300, 65_536, "x-menshen-caller")

CALLS = [
    ("POST", URL, BODY, "api.example.com", "/erp/orders", "page=2"),
    (
        "GET",
        "https://API.example.com:8443/erp/a%20b?q=%41&x=a+b",
        b"",
        "api.example.com:8443",
        "/erp/a%20b",
        "q=%41&x=a+b",
    ),
    ("PUT", "http://127.0.0.1:8080/erp/%E4%BD%A0?", "你好".encode(), "127.0.0.1:8080", "/erp/%E4%BD%A0", ""),
    ("GET", "http://erp.example.com", b"", "erp.example.com", "/", ""),
]


def python_signer(page: str) -> Any:
    (code,) = blocks(page, "python")
    names: dict[str, Any] = {}
    exec(compile(code, page, "exec"), names)
    return names["sign"]


def node_signs(page: str, directory: Path, *calls: tuple[Any, ...]) -> list[dict[str, str]]:
    (code,) = blocks(page, "js")
    file = directory / "sign.js"
    given = json.dumps([[method, url, body.decode(), *rest] for method, url, body, *rest in calls])
    file.write_text(f"{code}\nconsole.log(JSON.stringify({given}.map((call) => sign(...call))));\n", encoding="utf-8")
    ran = subprocess.run(["node", file], capture_output=True, text=True, check=True)
    return list(json.loads(ran.stdout))


def accepted(headers: dict[str, str], method: str, host: str, path: str, query: str, body: bytes) -> None:
    sent = {name.encode(): value.encode() for name, value in headers.items()}
    request = AuthRequest("r@c", sent, query.encode(), body or None)
    line = RequestLine(method.encode(), host.encode(), path.encode())
    signed = proven_caller(RULES, request, line, float(headers["x-mg-timestamp"]) + 10)
    assert signed is not None
    assert signed.key_id == "erp"


@pytest.mark.parametrize("page", PAGES)
def test_the_example_is_what_both_make(page: str, tmp_path: Path) -> None:
    made = python_signer(page)("POST", URL, BODY, "erp", SECRET, AT, NONCE)
    assert node_signs(page, tmp_path, ("POST", URL, BODY, "erp", SECRET, AT, NONCE)) == [made]
    assert f"`{made['x-mg-sign']}`" in text(page)
    line = RequestLine(b"POST", b"API.example.com", b"/erp/orders")
    lines = string_to_sign(line, b"page=2", b"%d" % AT, NONCE.encode(), b"erp", BODY).decode()
    assert lines in [block.removesuffix("\n") for block in blocks(page, "text")]
    assert f"`{SECRET}`" in text(page)
    assert f"`{BODY.decode()}`" in text(page)


@pytest.mark.parametrize("page", PAGES)
def test_what_python_signs_is_accepted(page: str) -> None:
    sign = python_signer(page)
    for method, url, body, host, path, query in CALLS:
        accepted(sign(method, url, body, "erp", SECRET), method, host, path, query, body)


@pytest.mark.parametrize("page", PAGES)
def test_what_node_signs_is_accepted(page: str, tmp_path: Path) -> None:
    calls = [(method, url, body, "erp", SECRET) for method, url, body, *_ in CALLS]
    for headers, (method, _, body, host, path, query) in zip(node_signs(page, tmp_path, *calls), CALLS, strict=True):
        accepted(headers, method, host, path, query, body)


@pytest.mark.parametrize("page", PAGES)
def test_the_signers_take_another_nonce_each_time(page: str, tmp_path: Path) -> None:
    sign = python_signer(page)
    nonces = [sign("GET", URL, b"", "erp", SECRET)["x-mg-nonce"] for _ in range(50)]
    nonces += [each["x-mg-nonce"] for each in node_signs(page, tmp_path, *[("GET", URL, b"", "erp", SECRET)] * 50)]
    assert len(set(nonces)) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{16,64}", nonce) for nonce in nonces)
