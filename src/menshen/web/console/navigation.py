"""The pages that the console's navigation leads to, in its order."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from menshen.operators.roles import Principal, Scope
from menshen.web.console.language import sentence

__all__ = ["SECTIONS", "Entry", "Section", "entries_for"]


@dataclass(frozen=True, slots=True)
class Entry:
    """``title`` is English, of the catalog; ``key`` is the letter that leads here after ``g``."""

    path: str
    title: str
    needs: Scope
    key: str


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    entries: tuple[Entry, ...]


SECTIONS: Final = (
    Section(
        sentence("Now"),
        (
            Entry("/console/", sentence("Overview"), Scope.FIGURES_READ, "o"),
            Entry("/console/try", sentence("Try it"), Scope.CONFIG_WRITE, "t"),
        ),
    ),
    Section(
        sentence("Configuration"),
        (
            Entry("/console/apps", sentence("Apps"), Scope.CONFIG_READ, "a"),
            Entry("/console/components", sentence("Third-party platforms"), Scope.CONFIG_READ, "x"),
            Entry("/console/upstreams", sentence("Upstreams"), Scope.CONFIG_READ, "b"),
            Entry("/console/groups", sentence("Groups and APIs"), Scope.CONFIG_READ, "r"),
            Entry("/console/plugins", sentence("Plugins"), Scope.CONFIG_READ, "p"),
            Entry("/console/canary", sentence("Canary rules"), Scope.CONFIG_READ, "c"),
            Entry("/console/revisions", sentence("Revisions"), Scope.CONFIG_READ, "v"),
            Entry("/console/settings", sentence("Settings"), Scope.CONFIG_READ, "n"),
            Entry("/console/document", sentence("The whole document"), Scope.CONFIG_READ, "y"),
        ),
    ),
    Section(
        sentence("People"),
        (
            Entry("/console/users", sentence("Users"), Scope.USERS_READ, "u"),
            Entry("/console/sessions", sentence("Sessions"), Scope.USERS_READ, "s"),
            Entry("/console/logins", sentence("Login log"), Scope.USERS_READ, "l"),
        ),
    ),
    Section(
        sentence("System"),
        (
            Entry("/console/keys", sentence("Keys"), Scope.KEYS_READ, "k"),
            Entry("/console/webhooks", sentence("Webhooks"), Scope.WEBHOOKS_READ, "w"),
            Entry("/console/operators", sentence("Operators"), Scope.OPERATORS_WRITE, "e"),
            Entry("/console/tokens", sentence("API tokens"), Scope.FIGURES_READ, "i"),
            Entry("/console/audit", sentence("Audit log"), Scope.AUDIT_READ, "d"),
        ),
    ),
)


def entries_for(principal: Principal | None, paths: Container[str]) -> Sequence[Section]:
    """What this principal may open, of what there is."""
    if principal is None:
        return ()
    sections = (
        Section(each.title, tuple(e for e in each.entries if e.path in paths and principal.may(e.needs)))
        for each in SECTIONS
    )
    return tuple(section for section in sections if section.entries)
