"""Which phones there can be: for each group with a login plugin, what a mini program of its app has to know.

A mini program knows where its team's gateway is, and where a code and a login state are put: what stands here is what
a developer would write into ``app.js``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from menshen.config.snapshot import LoginPlugin, Route, Snapshot

__all__ = ["Phone", "phones"]

_PERSON: Final = "1"
"""Stands for a parameter of a path: order 1, say."""

_REST: Final = "index"
_METHODS: Final = ("GET", "POST", "PUT", "DELETE")


@dataclass(frozen=True, slots=True)
class Call:
    """One API as a page calls it: an example of its path, and one of its methods."""

    api: str
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone with a mini program whose calls go to one group. ``host`` "" is any.

    ``login`` is where a code is sent; ``order`` what is asked for with the login state.
    """

    plugin: LoginPlugin
    group: str
    host: str
    prefix: str
    login: Call
    order: Call

    @property
    def name(self) -> str:
        """What the console's page calls it by."""
        return f"{self.plugin.name}@{self.group}"

    def reaches(self, path: str) -> bool:
        """Whether a path is below the group's prefix; ``path`` is without its query."""
        prefix = self.prefix.rstrip("/")
        return path == prefix or path.startswith(f"{prefix}/")

    def settings(self, gateway: str) -> dict[str, Any]:
        """The ``globalData`` of its ``app.js``. ``gateway`` is the origin that its addresses begin with."""
        session = self.plugin.session
        return {
            "login": {"url": gateway + self.login.path, "method": self._login_method()},
            "order": {"url": gateway + self.order.path, "method": self.order.method},
            "code": {"in": self.plugin.code.position, "name": self.plugin.code.name},
            "session": {
                "name": session.name,
                "return_in": session.return_in,
                "request_in": session.request_in,
                "path": _where(self.plugin.reply, "$session") or [session.name],
            },
        }

    def _login_method(self) -> str:
        """A code in a body needs a method that has one, whatever the example's is."""
        return "POST" if self.plugin.code.position == "body" else self.login.method


def phones(snapshot: Snapshot) -> tuple[Phone, ...]:
    """One for each group and plugin of the running revision, in the order of its routes."""
    found: dict[tuple[str, str], list[Route]] = {}
    plugins: dict[str, LoginPlugin] = {}
    for route in snapshot.routes:
        if route.login is not None and route.access != "public":
            plugins[route.login.name] = route.login
            found.setdefault((route.login.name, route.group), []).append(route)
    return tuple(_phone(plugins[plugin], routes) for (plugin, _), routes in found.items())


def _phone(plugin: LoginPlugin, routes: list[Route]) -> Phone:
    first = routes[0]
    login = next((route for route in routes if "login" in f"{route.api}{route.path}".lower()), first)
    others = [route for route in routes if route is not login]
    order = next((route for route in others if "order" in f"{route.api}{route.path}".lower()), None)
    called = order or next(iter(others), login)
    return Phone(
        plugin=plugin,
        group=first.group,
        host=_host(first.hosts),
        prefix=first.prefix,
        login=_call(login, "login"),
        order=_call(called, "orders/1" if called is login else _REST),
    )


def _call(route: Route, rest: str) -> Call:
    """``rest`` stands for whatever a pattern leaves open."""
    segments = route.path.split("/")
    if segments[-1] == "*":
        segments[-1] = rest
    path = "/".join(_PERSON if segment.startswith("{") else segment for segment in segments)
    method = next(
        (each for each in _METHODS if not route.methods or each in route.methods), route.methods[-1:] or "GET"
    )
    return Call(route.id, method if isinstance(method, str) else method[0], route.prefix.rstrip("/") + path)


def _host(hosts: Iterable[str]) -> str:
    """A name that the group goes by."""
    for host in hosts:
        if host == "*":
            return ""
        return f"shop{host[1:]}" if host.startswith("*.") else host
    return ""


def _where(template: Any, placeholder: str) -> list[str]:
    """The keys on the way to a placeholder of a plugin's reply; none where it is not there alone."""
    if isinstance(template, dict):
        for key, value in template.items():
            if value == placeholder:
                return [key]
            if below := _where(value, placeholder):
                return [key, *below]
    return []
