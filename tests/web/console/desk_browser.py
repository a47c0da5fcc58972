"""Browsers that keep their cookies and send forms as the page has them, on the console over real operators."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from http.cookies import Morsel

import aiohttp
from starlette.applications import Starlette

from menshen.node.console import console_views
from menshen.operators.roles import Role
from menshen.users.directory import UserDirectory
from menshen.users.phones import PhoneNumbers
from menshen.web.console.audit import audit_views
from menshen.web.console.door import console_routes
from menshen.web.console.view import View
from menshen.web.serving import serving
from tests.operators.desk import MASTER_KEY, PASSWORD, Desk, at_desk
from tests.web.console.browsing import Got

__all__ = ["At", "DeskBrowser", "at_console", "csrf_of", "views_of"]

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


def csrf_of(page: str) -> str:
    """The token of a page's forms."""
    found = _CSRF.search(page)
    assert found, page
    return unescape(found[1])


@dataclass
class DeskBrowser:
    """``cookies`` by name; ``given`` is what was set, with its attributes."""

    origin: str
    http: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)
    given: list[Morsel[str]] = field(default_factory=list)
    language: str = "en"

    async def get(self, path: str, **headers: str) -> Got:
        return await self.ask("GET", path, headers=headers)

    async def post(self, page: str, to: str = "", /, *pairs: tuple[str, str], **fields: str) -> Got:
        """Load a page, fill in its form and send it to ``to``."""
        token = csrf_of((await self.get(page)).text)
        return await self.ask("POST", to or page, [*pairs, *fields.items(), ("csrf", token)], {"origin": self.origin})

    async def ask(
        self,
        method: str,
        path: str,
        fields: list[tuple[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Got:
        sent = {"accept-language": self.language, **{k.replace("_", "-"): v for k, v in (headers or {}).items()}}
        if self.cookies:
            sent.setdefault("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        form = None if fields is None else aiohttp.FormData(fields)
        async with self.http.request(
            method, self.origin + path, data=form, headers=sent, allow_redirects=False
        ) as answer:
            for name, morsel in answer.cookies.items():
                self.given.append(morsel)
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
            text = await answer.text()
            values = {name: morsel.value for name, morsel in answer.cookies.items()}
            return Got(answer.status, text, {k.lower(): v for k, v in answer.headers.items()}, values)

    async def sign_in(self, name: str, password: str = PASSWORD.reveal(), next: str = "") -> Got:  # noqa: A002
        return await self.post("/console/login", name=name, password=password, next=next)


@dataclass
class At:
    """A console, and any number of browsers at it."""

    desk: Desk
    origin: str
    http: aiohttp.ClientSession

    def browser(self) -> DeskBrowser:
        return DeskBrowser(self.origin, self.http)

    async def signed_in(self, name: str, role: Role) -> DeskBrowser:
        """A browser of an operator who is made for it."""
        await self.desk.add(name, role)
        browser = self.browser()
        got = await browser.sign_in(name)
        assert got.status == 303, got.words()
        return browser


def views_of(desk: Desk) -> Sequence[View]:
    """Pages of signing in, operators and the audit log."""
    directory = UserDirectory(desk.database, desk.clock, PhoneNumbers(MASTER_KEY).digest)
    return [*console_views(desk.service), *audit_views(directory)]


@asynccontextmanager
async def console_at(desk: Desk, origin: str = "") -> AsyncIterator[At]:
    app = Starlette(routes=console_routes(views_of(desk), desk.service.access, origin))
    async with (
        serving(app, "127.0.0.1", 0, drain=0.1) as bound,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        yield At(desk, bound.origin, http)


def at_console(url: str, work: Callable[[At], Awaitable[None]], origin: str = "") -> None:
    """Run at a console over a database."""

    async def on(desk: Desk) -> None:
        async with console_at(desk, origin) as at:
            await work(at)

    at_desk(url, on)
