"""The console and the admin API of a running node, as operators and their programs meet them."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from menshen.web.console.door import SESSION_COOKIE, csrf_token
from tests.edge.conftest import OTHER_SECRET, Stack
from tests.edge.processes import REPOSITORY, Reply

__all__ = ["PASSWORD", "Desk", "admin_call", "operator", "pages"]

PASSWORD = "Planted-Operator-Password-1!"


def operator(stack: Stack, name: str, role: str, password: str = PASSWORD) -> None:
    """There is an operator of this name and role."""
    ran = subprocess.run(
        [sys.executable, "-m", "menshen", "operators", "add", name, "--role", role, "--data-dir", str(stack.data_dir)],
        input=f"{password}\n",
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=90,
        env={**os.environ, "OTHER_SECRET": OTHER_SECRET},
    )
    assert ran.returncode == 0, ran.stderr


def admin_call(stack: Stack, method: str, path: str, body: object = None, token: str = "", **headers: str) -> Reply:
    """By the node's own token, unless another is given. The ETag is whatever is now."""
    bearer = token or (stack.data_dir / "admin.token").read_text().strip()
    sent = [("authorization", f"Bearer {bearer}"), *((name.replace("_", "-"), text) for name, text in headers.items())]
    if method != "GET" and "if_match" not in headers:
        sent.append(("if-match", "*"))
    if body is None:
        return stack.admin(path, *sent, method=method)
    return stack.admin.send_json(method, path, body, *sent)


@dataclass
class Desk:
    """A browser at the console. ``cookies`` are what it was given."""

    stack: Stack
    language: str = "en"
    cookies: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, stack: Stack, name: str, password: str = PASSWORD, language: str = "en") -> Desk:
        """Signed in."""
        desk = cls(stack, language)
        answer = desk.sign_in(name, password)
        assert (answer.status, answer.headers["location"]) == (303, "/console/"), answer.raw
        return desk

    @property
    def session(self) -> str:
        return self.cookies.get(SESSION_COOKIE, "")

    def sign_in(self, name: str, password: str, **headers: str) -> Reply:
        self.get("/console/login")
        return self.post("/console/login", {"name": name, "password": password, "next": ""}, **headers)

    def get(self, path: str, **headers: str) -> Reply:
        return self._kept(self.stack.admin(path, *self._headers(headers)))

    def post(self, path: str, fields: Mapping[str, str], token: str | None = None, **headers: str) -> Reply:
        """A form of a page of ours, with its token unless another is given."""
        cookie = self.session or self.cookies.get("menshen_visit", "")
        body = urlencode({**fields, "csrf": csrf_token(cookie) if token is None else token}).encode()
        kind = ("content-type", "application/x-www-form-urlencoded")
        return self._kept(self.stack.admin(path, kind, *self._headers(headers), method="POST", body=body))

    def _headers(self, more: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        yield "accept-language", self.language
        if self.cookies and "cookie" not in more:
            yield "cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        for name, value in more.items():
            yield name.replace("_", "-"), value

    def _kept(self, reply: Reply) -> Reply:
        for name, value in re.findall(r"(menshen_\w+)=([^;,]*)", reply.headers.get("set-cookie", "")):
            if value.strip('"'):
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return reply


def pages(desk: Desk, most: int = 200) -> dict[str, Reply]:
    """Every page that links lead to, from the first one on; of pages that differ in their query a few of each."""
    found: dict[str, Reply] = {}
    waiting, seen = ["/console/"], {"/console/"}
    per_path: dict[str, int] = {}
    while waiting and len(found) < most:
        path = waiting.pop(0)
        found[path] = desk.get(path)
        for link in re.findall(
            r'(?:href|action|hx-get|src)="(/console/[^"#]*)', found[path].raw.decode("utf-8", "replace")
        ):
            target = html.unescape(link)
            where = urlsplit(target).path
            if target in seen or per_path.get(where, 0) >= 3 or where in _LEFT_OUT:
                continue
            seen.add(target)
            per_path[where] = per_path.get(where, 0) + 1
            waiting.append(target)
    return found


_LINK = re.compile(r'(?:href|action|hx-get|src)="(/console/[^"#]*)')
_LEFT_OUT = frozenset({"/console/logout"})
