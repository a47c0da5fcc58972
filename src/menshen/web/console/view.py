"""What a page of the console is, and what is known of a visit to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from starlette.datastructures import FormData, QueryParams
from starlette.responses import RedirectResponse, Response

from menshen.operators.roles import Principal, Scope
from menshen.web.console.rendering import Renderer

__all__ = ["HOME", "View", "Visit", "Visitors", "Work"]

HOME = "/console/"


class Visitors(Protocol):
    """Who has the cookie of a session."""

    async def visitor(self, cookie: str) -> Principal | None: ...


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit that may be made. ``form`` is what was sent; of a GET it is empty.

    ``principal`` is None only at views that need no scope. ``csrf`` is what forms of this visitor must carry.
    ``cookie`` is the session's, "" without one. ``htmx``: the answer is put into a page that is there already.
    """

    path: str
    words: Mapping[str, str]
    query: QueryParams
    form: FormData
    principal: Principal | None
    locale: str
    theme: str
    csrf: str
    cookie: str
    htmx: bool
    renderer: Renderer
    said: str = ""
    address: str = ""
    user_agent: str = ""
    secure: bool = False
    """Whether the browser came over TLS, as far as can be told: cookies then go over nothing else."""
    headers: dict[str, str] = field(default_factory=dict)
    """To be set on the answer, whatever it is."""

    @property
    def who(self) -> Principal:
        """The principal of a view that needs a scope."""
        if self.principal is None:
            raise ValueError("this view needs no scope, so nobody need have signed in")
        return self.principal

    def text(self, name: str) -> str:
        """What was written into a field of the form; "" where it is not there, or a file."""
        value = self.form.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """All values of a field that may be there several times."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def may(self, scope: Scope) -> bool:
        return self.principal is not None and self.principal.may(scope)

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A template as an answer; ``visit``, ``_`` and what the frame needs are there beside ``values``."""
        body = self.renderer.render(template, self, values)
        return Response(body, status, media_type="text/html; charset=utf-8")

    def trouble(self, status: int, title: str) -> Response:
        """A page that says why there is no other; ``title`` is a sentence of the catalog."""
        return self.page("trouble.html", status, title=title, code=status)

    def go(self, path: str, said: str = "") -> Response:
        """Send the browser on, within the console. ``said``: a sentence of the catalog for the page it comes to."""
        if self.htmx:
            answer = Response(status_code=204, headers={"hx-redirect": path})
        else:
            answer = RedirectResponse(path, status_code=303)
        if said:
            self.renderer.say(answer, said)
        return answer


Work = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class View:
    """One method at one path below ``/console``. ``needs`` None: nobody need have signed in."""

    method: Literal["GET", "POST"]
    path: str
    needs: Scope | None
    work: Work
