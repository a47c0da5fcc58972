"""The network side of the platforms: drives an adapter's flow over HTTP.

One promise above the others (security rule 6): a request is sent once. A code is spent by its first arrival at the
platform, so a second copy can only lose the login and hide why. Everything that fails is therefore sorted by one
question, was there a connection to write to: before that the code is untouched and PlatformUnreachable says so; after
it the code may be spent, even if nothing came back.

The other promise: no AppSecret and no code in an exception. aiohttp puts the URL in its messages, so its exceptions are
not chained, and refusals are raised outside the ``except`` blocks so that not even ``__context__`` holds one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Any, Final, Self, TypeVar

import aiohttp
from yarl import URL

from menshen.config.snapshot import App
from menshen.errors import (
    InternalFault,
    PlatformReplyInvalid,
    PlatformTimeout,
    PlatformUnreachable,
    Refusal,
)
from menshen.platforms.base import Field, Flow, Platform, PlatformIdentity, PlatformReply, PlatformRequest, TokenRefused
from menshen.platforms.registry import PLATFORMS, adapter_of
from menshen.secret import Secret

__all__ = ["REPLY_LIMIT", "TIMEOUT", "PlatformClient"]

T = TypeVar("T")

TIMEOUT: Final = 5.0
"""Seconds for one call: waiting for a connection, sending, reading the whole reply."""

REPLY_LIMIT: Final = 64 * 1024
"""Bytes of a reply that are read. A code2session answer has about 100."""

_KEEPALIVE = 4.0  # seconds; below servers' usual 5 and up, as a request on a connection just closed is a lost login
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "menshen"}


@dataclass(slots=True)
class _Progress:
    """How far one call came."""

    connected: bool = False
    answered: bool = False


class _SentOnce(aiohttp.ClientError):
    """A connection that died under a request; of no class that aiohttp sends again."""


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a GET whose kept-alive connection was dropped.

    It may do that for idempotent methods (RFC 9110, 9.2.2); code2session is a GET and is not idempotent.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        pass
    raise _SentOnce


async def _on_connection(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    progress: _Progress = context.trace_request_ctx
    progress.connected = True


def _tracing() -> aiohttp.TraceConfig:
    # The moment a connection is in hand is the last that is surely before the first byte.
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(_on_connection)
    tracing.on_connection_reuseconn.append(_on_connection)
    return tracing


def _plain(values: Mapping[str, Field]) -> dict[str, str | bool]:
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}


def _options(request: PlatformRequest) -> dict[str, Any]:
    """URL, headers and body, with the secrets in them. Call it in the argument list: no frame may keep the result."""
    return {
        # Values, not a query string: yarl quotes a value as it is ("%26" becomes "%2526"), a string it would requote.
        "url": URL(request.url).with_query(_plain(request.query)) if request.query else URL(request.url),
        "json": None if request.json is None else _plain(request.json),
        "data": request.body if request.form is None else _plain(request.form),
        "headers": _plain(request.headers),
    }


class PlatformClient:
    """Calls platforms; one connection pool for all of them. Use as an async context, in one event loop.

    ``timeout`` in seconds for each call; ``limit`` is how many calls run at once, others wait within their timeout.
    ``limit_of_one`` is the same of the calls to one service; 0 is no other limit.
    """

    def __init__(
        self,
        platforms: Mapping[str, Platform] = PLATFORMS,
        *,
        timeout: float = TIMEOUT,
        limit: int = 512,
        limit_of_one: int = 0,
    ) -> None:
        self.platforms = platforms
        self._timeout = timeout
        self._limit = limit
        self._limit_of_one = limit_of_one
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._limit, limit_per_host=self._limit_of_one, keepalive_timeout=_KEEPALIVE
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            headers=_HEADERS,
            auto_decompress=False,  # a bomb stays small; compressed replies were not asked for
            trust_env=False,  # a proxy from the environment would see AppSecrets
            trace_configs=[_tracing()],
            middlewares=(_send_once,),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def code2session(self, app: App, code: str) -> PlatformIdentity:
        """Exchange a login code. Raises the platform refusals of ``menshen.errors``, and CodeMalformed."""
        return await self.run(adapter_of(app, self.platforms).code2session(app, code))

    async def run(self, flow: Flow[T]) -> T:
        """Drive a flow to its result. A call that fails ends it."""
        with contextlib.closing(flow):
            request = next(flow)
            while True:
                reply = await self._call(request)
                try:
                    request = flow.send(reply)
                except StopIteration as done:
                    result: T = done.value
                    return result
                except (Refusal, TokenRefused) as refusal:
                    # Without the adapter's frames: their locals are the reply, session_key and all.
                    raise refusal.with_traceback(None) from None

    async def _call(self, request: PlatformRequest) -> PlatformReply:
        """One HTTP call, sent at most once.

        Raises PlatformUnreachable (nothing was sent), PlatformTimeout (sent; no answer, or not all of it in time) and
        PlatformReplyInvalid (an answer that is not HTTP, breaks off, or is over REPLY_LIMIT); InternalFault.
        """
        if self._session is None:
            raise InternalFault("the platform client is not open")
        progress = _Progress()
        failure: Refusal
        try:
            async with asyncio.timeout(request.timeout or self._timeout):
                reply = await _exchange(self._session, request, progress)
        except TimeoutError:
            failure = _late(progress)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # ValueError: an address or a value that cannot be in a URL.
            failure = _broken(error, progress)
        except (TypeError, AttributeError) as error:
            # What an adapter yielded is no request, or has a value of no kind that can be sent, which yarl quotes.
            failure = InternalFault(f"a request that cannot be sent ({type(error).__name__})")
        else:
            if reply is not None:
                return reply
            failure = PlatformReplyInvalid(f"the reply is over {REPLY_LIMIT} bytes")
        raise failure


async def _exchange(
    session: aiohttp.ClientSession, request: PlatformRequest, progress: _Progress
) -> PlatformReply | None:
    """Send and read; None for a reply over the limit."""
    async with session.request(
        request.method,
        **_options(request),
        allow_redirects=False,
        trace_request_ctx=progress,
    ) as response:
        progress.answered = True
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > REPLY_LIMIT:
                response.close()  # not released: the rest of it must not meet the next request
                return None
        return PlatformReply(response.status, bytes(body), _told(response.raw_headers))


def _told(headers: Sequence[tuple[bytes, bytes]]) -> Mapping[str, str]:
    """The headers that came once."""
    times = Counter(name.lower() for name, _ in headers)
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers if times[name.lower()] == 1
    }


def _late(progress: _Progress) -> Refusal:
    if progress.connected:
        return PlatformTimeout("no complete answer in time")
    return PlatformUnreachable("no connection in time")


def _broken(error: Exception, progress: _Progress) -> Refusal:
    """What a transport failure means. Only the class of ``error`` is told: its text has the URL."""
    kind = type(error).__name__
    if not progress.connected:
        return PlatformUnreachable(f"no connection ({kind})")
    if progress.answered or isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
        return PlatformReplyInvalid(f"the answer broke off or is not HTTP ({kind})")
    return PlatformTimeout("the connection ended before the answer")
