"""``menshen emulator`` as a process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from menshen.cli.address import is_loopback, parse_address

COMMAND = [
    sys.executable,
    "-W",
    "error",
    "-c",
    "import typer; from menshen.cli.emulator import emulator; typer.run(emulator)",
]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ready_then_serves_then_stops(number):
    with subprocess.Popen(
        [*COMMAND, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("ready http://127.0.0.1:")
            origin = line.split()[1]
            body = json.dumps({"appid": "wx1", "secret": "s"}).encode()
            request = urllib.request.Request(f"{origin}/emulator/wechat/apps", body, method="POST")
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert answer.status == 200
            began = time.monotonic()
            process.send_signal(number)
            assert process.wait(90) == 0
            assert time.monotonic() - began < 45
            assert (process.stdout.read(), process.stderr.read()) == ("", "")
        finally:
            process.kill()


def refused(*args: str) -> tuple[int, str]:
    done = subprocess.run([*COMMAND, *args], capture_output=True, text=True, timeout=180, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:8082", "example.com:80"])
def test_only_loopback_unless_told_otherwise(listen):
    code, says = refused("--listen", listen)
    assert code == 2
    assert "--allow-remote" in says
    assert "Traceback" not in says


def test_an_address_that_is_none():
    code, says = refused("--listen", "8082")
    assert code == 2
    assert "HOST:PORT" in says


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, says = refused("--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert code == 1
    assert "in use" in says
    assert "Traceback" not in says


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8082", ("127.0.0.1", 8082)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_addresses(text, address):
    assert parse_address(text) == address
    assert is_loopback(address[0])


@pytest.mark.parametrize(
    "text", ["", ":", ":80", "80", "a:", "a:b", "a:-1", "a:65536", "::1:80", "[]:80", "a:8 0", "a:٨"]
)
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match=r"HOST:PORT|not a port"):
        parse_address(text)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example.com", "127.0.0.1.example", ""])
def test_what_is_not_loopback(host):
    assert not is_loopback(host)
