"""The JWK Set from the gateway's ``--admin`` address, with Python's own HTTP client.

Who can change this answer can be any user. So: HTTPS, or plain HTTP on this machine; no redirect, no proxy that an
environment variable names, and no scheme that reads files.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import IO
from urllib.parse import urlsplit
from urllib.request import (
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
)

from menshen.backend.refusals import KeysUnavailable

__all__ = ["Fetch", "from_url"]

Fetch = Callable[[], bytes]
"""Gives the bytes of a JWK Set, or raises. It may take its time: it is not called for each request."""

MOST_BYTES = 64 * 1024


def from_url(url: str, *, timeout: float = 3.0, plain_http: bool = False) -> Fetch:
    """A fetch of ``url``, which takes ``timeout`` seconds at most for each step and twice that in all.

    ``plain_http`` is the operator's word that nobody can change what the network carries. Raises ``ValueError`` for
    ``http://`` to another machine without it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("the address of the JWK Set must be https://host/path, without a password in it")
    if parts.scheme == "http" and not plain_http and not _loopback(parts.hostname):
        raise ValueError("the JWK Set over http:// of another machine can be forged on the way: use https://")
    opener = OpenerDirector()
    for handler in (HTTPHandler(), HTTPSHandler(), _OnlyItself()):
        opener.add_handler(handler)
    request = Request(url, headers={"accept": "application/jwk-set+json, application/json"})  # noqa: S310 - seen above

    def fetch() -> bytes:
        until = time.monotonic() + 2 * timeout
        try:
            with opener.open(request, timeout=timeout) as answer:
                document = b""
                while part := answer.read1(MOST_BYTES):
                    document += part
                    if len(document) > MOST_BYTES or time.monotonic() > until:
                        raise KeysUnavailable("the JWK Set is too long, or comes too slowly")
                return document
        except (OSError, HTTPException) as error:
            raise KeysUnavailable(f"no JWK Set from {parts.hostname}: {type(error).__name__}") from None

    return fetch


class _OnlyItself(HTTPErrorProcessor):
    """Any status but 200 is a failure, a redirect too: no ``Location`` is followed anywhere."""

    def http_response(self, request: Request, response: IO[bytes]) -> IO[bytes]:
        status = getattr(response, "status", 0)
        if status != 200:
            raise KeysUnavailable(f"no JWK Set from {request.host}: HTTP {status}")
        return response

    https_response = http_response


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
