"""The gateway's keys at an address, and what callers and forgers send to a backend that fetches them there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.backend.issuer import NOW, PAYLOAD, Ring, part
from tests.serving import served

__all__ = ["Published", "publishing"]


class Published:
    """``url`` is that of the JWK Set, ``asked`` how often it was fetched."""

    def __init__(self) -> None:
        self.ring = Ring()
        self.asked = 0
        self.url = ""

    def assertion(self, upstream: str = "orders", age: int = 0) -> str:
        """As the gateway makes it, ``age`` seconds ago."""
        return self.ring.assertion(upstream=upstream, now=time.time() - age)

    def forgeries(self) -> dict[str, list[str]]:
        """Assertion headers of one request, by what is wrong with them."""
        header = {"alg": "ES256", "kid": self.ring.keys[0].kid, "typ": "JWT"}
        now = int(time.time())
        payload = {**PAYLOAD, "iat": now, "exp": now + 300}
        good, stranger, renamed = self.assertion(), Ring(), Ring()
        renamed.members[0]["kid"] = header["kid"]
        head, body, signature = good.split(".")
        return {
            "alg none": [f"{part({**header, 'alg': 'none'})}.{part(payload)}."],
            "alg none with a signature": [f"{part({**header, 'alg': 'none'})}.{part(payload)}.{signature}"],
            "ES384 in the header": [self.ring.signed(payload, {**header, "alg": "ES384"})],
            "HS256 with the public key": [self.ring.hmac_with_public_key(self.ring.published())],
            "another's key": [stranger.assertion(now=now)],
            "another's key under our kid": [renamed.assertion(now=now)],
            "a key that it brings along": [renamed.signed(payload, {**header, "jwk": renamed.jwks["keys"][0]})],
            "a crit header": [self.ring.signed(payload, {**header, "crit": ["exp"]})],
            "another class": [self.ring.signed(payload, {**header, "typ": "at+jwt"})],
            "another upstream": [self.assertion(upstream="others")],
            "several upstreams": [self.ring.signed({**payload, "aud": ["orders", "others"]})],
            "another issuer": [self.ring.signed({**payload, "iss": "menshen-sessions"})],
            "expired": [self.assertion(age=331)],
            "long ago": [self.ring.assertion(now=NOW - 10**8)],
            "from the future": [self.assertion(age=-60)],
            "without an end": [self.ring.signed({name: value for name, value in payload.items() if name != "exp"})],
            "nobody": [self.ring.signed({**payload, "sub": ""})],
            "changed": [f"{head}.{part({**payload, 'sub': 'u' + 'z' * 26})}.{signature}"],
            "zeros for a signature": [f"{head}.{body}.{'A' * 86}"],
            "kid of a file": [self.ring.signed(payload, {**header, "kid": "../../../etc/passwd"})],
            "kid that is no text": [self.ring.signed(payload, {**header, "kid": [header["kid"]]})],
            "deep": [f"{part(b'[' * 300)}.{body}.{signature}"],
            "a good one after a forged one": [stranger.assertion(now=now), good],
            "a good one before a forged one": [good, stranger.assertion(now=now)],
            "joined": [f"{good},{good}"],
            "bearer": [f"Bearer {good}"],
            "huge": ["A" * 20_000],
            "rubbish": ["\xff\xfe"],
            "dots": [".."],
        }


@contextlib.contextmanager
def publishing() -> Iterator[Published]:
    gateway = Published()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            gateway.asked += 1
            body = gateway.ring.published()
            self.send_response(200)
            self.send_header("Content-Type", "application/jwk-set+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        gateway.url = f"http://127.0.0.1:{server.server_address[1]}/.well-known/jwks.json"
        yield gateway
