"""Where a request would go, and why: the question of a dry run and its answer, for whoever shows them.

:mod:`menshen.envoy.dry_run` finds the answer. It knows what Envoy knows before anybody is judged: who would judge the
caller, not whether he would pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from menshen.config.loading import Loaded
from menshen.config.snapshot import Endpoint, Route
from menshen.documents.canary_choice import Choice
from menshen.errors import Refusal

__all__ = ["Effective", "FindWay", "Guard", "Nowhere", "Question", "Told", "Way"]


@dataclass(frozen=True, slots=True)
class Question:
    """``path`` as a client sends it, with its query. ``tags`` besides those that the request makes.

    ``user`` is the uid of who is logged in, "" for nobody; ``request_id`` is for where a request went that nobody is
    known to have made. Names of ``headers`` are lower-case; cookies are the header ``cookie``.
    """

    path: str
    host: str = "localhost"
    method: str = "GET"
    tags: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    request_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Effective:
    """A plugin that is effective; ``target`` is the group, or ``group/api``, that it is bound to."""

    plugin: str
    type: str
    target: str


@dataclass(frozen=True, slots=True)
class Guard:
    """A plugin that may refuse the caller, and whether Envoy or the brain asks it."""

    plugin: str
    type: str
    by: str


@dataclass(frozen=True, slots=True)
class Told:
    """A tag that the API can have. ``untrusted``: a client chooses it. ``value`` is "" where it has none."""

    tag: str
    value: str
    untrusted: bool


@dataclass(frozen=True, slots=True)
class Nowhere:
    """A request that the gateway answers itself. ``refusal`` is None for a call of its own API.

    ``path`` is the normal one, "" where there is none. ``groups`` are those of the host under the longest prefix that
    fits, ``allow`` the methods that the path has; ``api`` is where a rewrite blocks the path or
    would make an unsound one of it.
    """

    path: str
    host: str
    prefix: str
    refusal: type[Refusal] | None
    groups: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    api: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """A request that goes to an upstream once the guards let it through. ``host`` is the virtual host's."""

    path: str
    host: str
    route: Route
    guards: tuple[Guard, ...]
    plugins: tuple[Effective, ...]
    tags: tuple[Told, ...]
    ignored: tuple[str, ...]
    """Tags of the question that this API has not, and that nothing therefore looks at."""
    user: str
    """Whose request it is, "" where nobody is known: on an API without a login plugin nobody ever is."""
    choice: Choice
    endpoints: Mapping[str, tuple[Endpoint, ...]]
    """Of each version that comes into question."""
    backend_path: str


FindWay: TypeAlias = Callable[[Loaded, Question], Way | Nowhere]
"""A dry run. It sends nothing, and takes as long as making Envoy's routes of the document does."""
