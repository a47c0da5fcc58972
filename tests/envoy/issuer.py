"""Another issuer: its keys, the tokens that it signs, and the server from which its keys are had."""

from __future__ import annotations

import base64
import json
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from menshen.config.route_rules import Jwks, JwtRules, TokenAt
from tests.envoy.signed import Key, public
from tests.serving import served

__all__ = [
    "AUDIENCE",
    "ISSUER",
    "P256",
    "RSA",
    "Issuer",
    "issued",
    "jwt_rules",
    "public_of",
    "running_issuer",
    "signed_as",
]

ISSUER = "https://issuer.example"
AUDIENCE = "shop"
P256: Key = ("partner-1", "ES256", ECKey.generate_key("P-256"))
RSA: tuple[str, str, RSAKey] = ("partner-2", "RS256", RSAKey.generate_key(2048))


def public_of(*keys: Any) -> str:
    """A JWK Set of the public halves."""
    return public(*keys)


def payload(**claims: Any) -> dict[str, Any]:
    """What a good token says, but for ``claims``; None takes one out."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "partner-user", "iat": now, "exp": now + 600, **claims}
    return {name: value for name, value in said.items() if value is not None}


def issued(signing: Any = P256, head: dict[str, Any] | None = None, **claims: Any) -> str:
    kid, alg, key = signing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.encode({"alg": alg, "kid": kid, **(head or {})}, payload(**claims), key, algorithms=[alg])


def signed_as(head: dict[str, Any], body: bytes, key: ECKey = P256[2]) -> str:  # type: ignore[assignment]
    """A signature by the issuer's key over any two texts, which no library would sign."""
    text = f"{_encoded(json.dumps(head).encode())}.{_encoded(body)}"
    private = key.private_key
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    r, s = utils.decode_dss_signature(private.sign(text.encode(), ec.ECDSA(SHA256())))
    return f"{text}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def hmac_key(secret: bytes, kid: str = "shared") -> tuple[str, str, OctKey]:
    return kid, "HS256", OctKey.import_key(secret)


def jwt_rules(**changes: Any) -> JwtRules:
    fields: dict[str, Any] = {
        "plugin": "partner",
        "issuer": ISSUER,
        "audiences": (AUDIENCE,),
        "token": TokenAt("header", "authorization", "Bearer "),
        "keys": Jwks(inline=public_of(P256, RSA)),
        "claims": (("sub", "x-partner-user"), ("role", "x-partner-role"), ("realm.name", "x-partner-realm")),
        "skew": 5,
    }
    return JwtRules(**{**fields, **changes})


@dataclass
class Issuer:
    """``status``, ``body`` and ``headers`` are served as keys, ``delay`` seconds after the question.

    ``asked`` is how often it was asked, ``most`` how many waited at once.
    """

    port: int = 0
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    asked: int = 0
    most: int = 0
    waiting: set[int] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/realms/shop/keys"


@contextmanager
def running_issuer(issuer: Issuer) -> Iterator[Issuer]:
    """Serves it at its port, or at a free one. Other paths than that of its URL are a 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            issuer.waiting.add(threading.get_ident())
            issuer.most = max(issuer.most, len(issuer.waiting))
            time.sleep(issuer.delay)
            issuer.waiting.discard(threading.get_ident())
            here = issuer.url.endswith(self.path)
            body = issuer.body if here else b""
            self.send_response(issuer.status if here else 404)
            for name, value in (*issuer.headers, ("content-length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Not on the screen of the tests."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Envoy may have given up."""

    with served(Server(("127.0.0.1", issuer.port), Handler)) as server:
        issuer.port = server.server_address[1]
        yield issuer


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
