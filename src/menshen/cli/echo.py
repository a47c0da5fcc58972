"""A sample backend: answers with what it received, so that one can see what a gateway did to a request."""

from __future__ import annotations

import json

from starlette.types import Receive, Scope, Send

__all__ = ["echo"]

_SHOWN_BODY = 4096


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Method, path, query, headers in order, and the start of the body, as JSON."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    seen = {
        "method": scope["method"],
        "path": scope.get("raw_path", scope["path"].encode()).decode("latin-1"),
        "query": scope["query_string"].decode("latin-1"),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
        "body": body[:_SHOWN_BODY].decode("utf-8", "replace"),
        "body_bytes": len(body),
    }
    headers = [(b"content-type", b"application/json; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(seen, ensure_ascii=False).encode()})
