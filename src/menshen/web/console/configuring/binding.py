"""绑定对象: one plugin, and all groups and APIs, of which any number are ticked and set at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from menshen.documents.configuration import Shown
from menshen.documents.editing import rebind
from menshen.documents.parts import Json, items_at, part_at
from menshen.errors import EditInvalid, PartUnknown, RevisionMoved
from menshen.operators.roles import Scope
from menshen.web.console.configuring.conflict import Conflict, conflict_of
from menshen.web.console.configuring.editor import Editor, told_problem
from menshen.web.console.configuring.referring import bindings_of
from menshen.web.console.language import sentence
from menshen.web.console.view import View, Visit

__all__ = ["Branch", "Leaf", "Tree", "binding_views", "tree_of"]

_FIELD: Final = "target"
_PREVIEW: Final = "preview"


@dataclass(frozen=True, slots=True)
class Leaf:
    """``target`` is ``mall`` or ``mall/order``; ``path`` is shown beside it."""

    target: str
    name: str
    path: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class Branch:
    group: Leaf
    apis: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """``added`` and ``removed`` are what the ticks would change."""

    plugin: str
    branches: tuple[Branch, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def bound(self) -> tuple[Leaf, ...]:
        every = (leaf for branch in self.branches for leaf in (branch.group, *branch.apis))
        return tuple(leaf for leaf in every if leaf.ticked)


def tree_of(document: Json, plugin: str, ticked: Iterable[str] | None = None) -> Tree:
    """``ticked`` None: what is bound. Raises ``PartUnknown``."""
    part_at(document, ("plugins", plugin))
    bound = [str(each.get("api") or each.get("group")) for each in bindings_of(document, plugin)]
    wanted = set(bound if ticked is None else ticked)

    def leaf(target: str, name: str, path: str) -> Leaf:
        return Leaf(target, name, path, target in wanted)

    branches = []
    for group in items_at(document, ("groups",)):
        prefix = group.get("prefix", "/")
        apis = tuple(
            leaf(f"{group['name']}/{api['name']}", api["name"], f"{prefix.rstrip('/')}{api['path']}")
            for api in group.get("apis") or ()
        )
        branches.append(Branch(leaf(group["name"], group["name"], prefix), apis))
    every = [each.target for branch in branches for each in (branch.group, *branch.apis)]
    return Tree(
        plugin,
        tuple(branches),
        added=tuple(each for each in every if each in wanted and each not in bound),
        removed=tuple(each for each in bound if each not in wanted),
    )


def binding_views(editor: Editor) -> list[View]:
    """``/console/plugins/{name}/bindings``, as a page and, from the plugin's page, as a dialog."""
    path = "/console/plugins/{name}/bindings"

    async def shown(visit: Visit) -> Response:
        current = await editor.configuration.current()
        try:
            return _page(visit, current, None)
        except PartUnknown:
            return visit.trouble(404, sentence("There is no such thing"))

    async def taken(visit: Visit) -> Response:
        current = await editor.configuration.current()
        try:
            return await _bound(editor, visit, current)
        except PartUnknown:
            return visit.trouble(404, sentence("There is no such thing"))

    return [View("GET", path, Scope.CONFIG_READ, shown), View("POST", path, Scope.CONFIG_WRITE, taken)]


async def _bound(editor: Editor, visit: Visit, current: Shown) -> Response:
    plugin, ticked = visit.words["name"], visit.texts(_FIELD)
    seen = visit.text("etag")
    conflict = await conflict_of(
        editor.configuration, seen, current, lambda part: part.startswith(f"bindings/{plugin}/")
    )
    if conflict is not None:
        return _page(visit, current, ticked, 409, conflict=conflict)
    edit = rebind(plugin, [{"api" if "/" in each else "group": each} for each in ticked])
    try:
        if visit.text(_PREVIEW):
            await editor.configuration.check(edit, references=False)
            return _page(visit, current, ticked, etag=seen)
        changed = await editor.change(visit, current, edit)
    except EditInvalid as invalid:
        problems = [("", told_problem(visit, each)) for each in invalid.problems]
        return _page(visit, current, ticked, 422, problems=problems, etag=seen)
    except RevisionMoved:
        return _page(visit, current, ticked, 409, etag=seen)
    if changed.refused:
        now = await editor.configuration.current()
        return _page(visit, now, ticked, 422, refused=changed.refused)
    return visit.go(f"/console/plugins/{plugin}?revision={changed.revision}")


def _page(
    visit: Visit,
    current: Shown,
    ticked: Sequence[str] | None,
    status: int = 200,
    *,
    problems: Sequence[tuple[str, str]] = (),
    conflict: Conflict | None = None,
    refused: str = "",
    etag: str = "",
) -> Response:
    return visit.page(
        "configuring/bindings.html",
        status,
        tree=tree_of(current.document, visit.words["name"], ticked),
        problems=problems,
        conflict=conflict,
        refused=refused,
        etag=etag or current.etag,
        comment=visit.text("comment"),
    )
