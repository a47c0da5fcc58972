"""A browser without a screen: views of the console served on loopback, for a visitor of a role."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import aiohttp
from starlette.applications import Starlette

from menshen.operators.roles import SCOPES_OF, Principal, Role
from menshen.web.console.door import SESSION_COOKIE, console_routes, csrf_token
from menshen.web.console.view import View
from menshen.web.serving import serving

__all__ = ["Browser", "Got", "browsing", "in_loop"]


@dataclass
class Got:
    """An answer. ``text`` is the HTML, ``location`` where the browser is sent on to."""

    status: int
    text: str
    headers: dict[str, str]
    cookies: dict[str, str]

    @property
    def location(self) -> str:
        return self.headers.get("location", "") or self.headers.get("hx-redirect", "")

    def words(self) -> str:
        """The text that a visitor reads, on one line."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.text)).strip()


@dataclass
class _Signed:
    """``cookies`` are the sessions that there are."""

    cookies: dict[str, Principal] = field(default_factory=dict)

    async def visitor(self, cookie: str) -> Principal | None:
        return self.cookies.get(cookie)


@dataclass
class Browser:
    """Signed in as ``role``; with None, not at all."""

    origin: str
    session: aiohttp.ClientSession
    cookie: str
    language: str = "en"

    async def get(self, path: str, **headers: str) -> Got:
        return await self.ask("GET", path, None, headers)

    async def post(self, path: str, fields: dict[str, str] | Sequence[tuple[str, str]] = (), **headers: str) -> Got:
        """A form of the page's own, with its token."""
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
        return await self.ask("POST", path, [*pairs, ("csrf", csrf_token(self.cookie))], headers)

    async def ask(
        self, method: str, path: str, fields: Sequence[tuple[str, str]] | None, headers: dict[str, str]
    ) -> Got:
        sent = {
            "accept-language": self.language,
            **({"cookie": f"{SESSION_COOKIE}={self.cookie}"} if self.cookie else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        form = None if fields is None else aiohttp.FormData(fields)
        async with self.session.request(
            method, self.origin + path, data=form, headers=sent, allow_redirects=False
        ) as answer:
            text = await answer.text()
            cookies = {name: morsel.value for name, morsel in answer.cookies.items()}
            return Got(answer.status, text, {k.lower(): v for k, v in answer.headers.items()}, cookies)


def browsing(
    views: Sequence[View],
    work: Callable[[Browser], Awaitable[None]],
    role: Role | None = Role.OWNER,
    origin: str = "",
) -> None:
    """Run ``work`` with a browser on these views."""

    async def main() -> None:
        await in_loop(views, work, role, origin)

    asyncio.run(main())


async def in_loop(
    views: Sequence[View],
    work: Callable[[Browser], Awaitable[None]],
    role: Role | None = Role.OWNER,
    origin: str = "",
) -> None:
    """As :func:`browsing`, inside a loop that runs."""
    signed = _Signed()
    cookie = ""
    if role is not None:
        cookie = "c" * 43
        signed.cookies[cookie] = Principal("li", SCOPES_OF[role], "console")
    app = Starlette(routes=console_routes(views, signed, origin))
    async with (
        serving(app, "127.0.0.1", 0) as bound,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        await work(Browser(f"http://127.0.0.1:{bound.port}", session, cookie))
