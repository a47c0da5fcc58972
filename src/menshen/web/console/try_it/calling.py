"""The two addresses that a phone's calls go to: this node's gateway, and the emulator that an app's ``base_url`` names.

Neither is of the caller's choosing. Answers are capped in size and time, redirects are not followed, cookies are not
kept, and no proxy of the environment is asked.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from menshen.config.snapshot import Endpoint
from menshen.web.console.try_it.outgoing import Outgoing

__all__ = ["MOST_ANSWER", "Answered", "NoAnswer", "calling", "read_some", "to_gateway"]

MOST_ANSWER: Final = 256 * 1024
"""Bytes of an answer that a phone gets; a longer one is no answer."""

_PATIENCE: Final = 20.0
"""Seconds for a whole call; longer than an upstream's usual 15."""

_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (recognised here, not bound)
_BY_ITSELF: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class NoAnswer(Exception):
    """Nothing came back; the text is what ``wx.request`` says behind ``request:fail``."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back, headers in order; ``seconds`` from the first byte sent to the last one read."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float


@contextlib.asynccontextmanager
async def calling() -> AsyncIterator[aiohttp.ClientSession]:
    """The client that both are called with."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=16, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=_PATIENCE),
        auto_decompress=False,  # compressed answers were not asked for, and a bomb stays small
        trust_env=False,
    ) as client:
        yield client


async def to_gateway(
    client: aiohttp.ClientSession, gateway: Endpoint, host: str, request: Outgoing, *, tls: bool
) -> Answered:
    """Send a checked request to the listener. ``host`` is the Host header. Raises ``NoAnswer``."""
    headers = CIMultiDict(request.headers)
    headers["Host"] = host
    sent: dict[str, Any] = {"skip_auto_headers": _BY_ITSELF, "allow_redirects": False}
    if tls:
        # It is our own listener on our own machine; its certificate is for names, not for this address.
        sent |= {"ssl": False, "server_hostname": host.partition(":")[0]}
    began = time.monotonic()
    try:
        async with client.request(
            request.method,
            URL(f"{listener_origin(gateway, tls=tls)}{request.path}", encoded=True),
            headers=headers,
            data=request.body or None,
            **sent,
        ) as response:
            body = await read_some(response, MOST_ANSWER)
            received = tuple((name.lower(), value) for name, value in response.headers.items())
            return Answered(response.status, received, body, time.monotonic() - began)
    except TimeoutError:
        raise NoAnswer("timeout") from None
    except aiohttp.ClientError:
        # The exception's text has the address and the path with its code.
        raise NoAnswer("the gateway does not answer") from None


def listener_origin(gateway: Endpoint, *, tls: bool) -> str:
    """Where the listener is reached from its own machine."""
    reached = Endpoint(_ANY.get(gateway.host, gateway.host), gateway.port)
    return f"{'https' if tls else 'http'}://{reached}"


async def read_some(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body. Raises ``NoAnswer`` where it is longer than ``most`` bytes."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise NoAnswer(f"the answer is over {most // 1024} KiB")
    return bytes(body)
