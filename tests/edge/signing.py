"""A server that signs its calls with a key pair, written from the documentation and not from the code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import time
from dataclasses import dataclass, replace
from typing import Any

from tests.edge.processes import Client, Reply

__all__ = ["Call", "signed_call"]

_numbers = itertools.count(1)
_HASHES = {"HMAC-SHA256": "sha256", "2": "sha256", "HMAC-SHA512": "sha512", "3": "sha512"}


@dataclass(frozen=True)
class Call:
    """A call and what is signed of it. Headers in ``headers`` are sent besides."""

    target: str
    key_id: str
    secret: str
    method: str = "GET"
    body: bytes | None = None
    host: str = "erp.example.com"
    algorithm: str = "HMAC-SHA256"
    at: int = 0
    nonce: str = ""
    signature: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def changed(self, **changes: Any) -> Call:
        """The same signature on something else."""
        return replace(self, **changes)

    @property
    def signing(self) -> tuple[tuple[str, str], ...]:
        return (
            ("x-mg-secretid", self.key_id),
            ("x-mg-alg", self.algorithm),
            ("x-mg-timestamp", str(self.at)),
            ("x-mg-nonce", self.nonce),
            ("x-mg-sign", self.signature),
        )

    def sent_to(self, gateway: Client) -> Reply:
        headers = (*self.signing, *self.headers)
        return gateway(self.target, *headers, method=self.method, body=self.body, host=self.host)


def signed_call(target: str, key_id: str, secret: str, **more: Any) -> Call:
    """Signed just now, with a nonce of its own, unless ``at`` and ``nonce`` say otherwise."""
    call = Call(target, key_id, secret, **more)
    call = call.changed(at=call.at or int(time.time()), nonce=call.nonce or f"nonce-{time.time_ns()}-{next(_numbers)}")
    content = hashlib.sha256(call.body or b"").hexdigest()
    lines = ("menshen-key-pair-1", call.method, call.host.lower(), call.target, str(call.at), call.nonce)
    text = "\n".join((*lines, call.key_id, content))
    made = hmac.new(secret.encode(), text.encode(), _HASHES.get(call.algorithm, "sha256"))
    return call.changed(signature=base64.b64encode(made.digest()).decode())
