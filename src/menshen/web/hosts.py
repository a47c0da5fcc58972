"""Under which names the admin address answers.

A page anywhere can point a name of its own at 127.0.0.1 (DNS rebinding, attack class 50): to the operator's browser the
console is then a part of that page's site, which may read and send whatever it likes. It cannot take an address for a
name, nor a name without a dot, which no domain of the internet is; so those are answered, and the name that operators
were told to open.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["is_origin", "known_hosts_only"]

_EVERYBODYS: Final = ("/.well-known/", "/healthz", "/readyz")
"""Public keys and health: the same for whoever asks, and asked by programs under any name."""

_WHY: Final = "the admin address does not answer under this name: see --console-origin"


def known_hosts_only(app: ASGIApp, origin: str = "") -> ASGIApp:
    """``origin`` is where operators open the console, "" for the address alone. Others get 421.

    Whoever sends a bearer token is answered under any name, as programs are. A page that sends any text as one gains
    ``/metrics``, which is open: the API looks at the token, and the console's cookie goes to no other name.
    """
    name = (urlsplit(origin).hostname or "") if origin else ""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_EVERYBODYS) or _is_known(scope, name):
            await app(scope, receive, send)
            return
        body = json.dumps({"message": _WHY}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 421, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def is_origin(text: str) -> bool:
    """``https://console.example.com``: scheme, host, and a port that is not the scheme's own; nothing more."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    written = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return (
        bool(host)
        and usual is not None
        and port != usual
        and text == (f"{parts.scheme}://{written}" + (f":{port}" if port is not None else ""))
    )


def _is_known(scope: Scope, name: str) -> bool:
    hosts = [value.decode("latin-1") for key, value in scope["headers"] if key == b"host"]
    if len(hosts) == 1 and _is_ours(hosts[0], name):
        return True
    return any(key == b"authorization" and value.startswith(b"Bearer ") for key, value in scope["headers"])


def _is_ours(host: str, name: str) -> bool:
    try:
        parts = urlsplit(f"//{host}")
        found, _ = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        return False
    if not found or parts.netloc != host or "@" in host:
        return False
    if found == name or ("." not in found and ":" not in found):
        return True
    try:
        ipaddress.ip_address(found)
    except ValueError:
        return False
    return True
