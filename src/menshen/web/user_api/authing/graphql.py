"""The queries of Authing's package, read strictly: one operation, one field, arguments that are variables, names.

That is all its documents have (``authing-js-sdk`` 4.15.8, ``types/graphql.v2.js``). A whole GraphQL engine would bring
aliases, fragments, directives and introspection, by which a small query asks for a large answer; here they are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from menshen.errors import CallMalformed

__all__ = ["Operation", "Selection", "read_operation", "selected"]

Selection = Mapping[str, Any]
"""Field -> what is selected in it, empty where nothing is."""

_DEPTH: Final = 3
_token = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[{}()\[\]:!$]|[\s,]+|.", re.DOTALL)
_name = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch


@dataclass(frozen=True, slots=True)
class Operation:
    """``kind`` is query or mutation; ``arguments`` says in which variable each is."""

    kind: str
    field: str
    arguments: Mapping[str, str]
    selection: Selection


def read_operation(query: str) -> Operation:
    """The one operation of a document. Raises ``CallMalformed``."""
    reader = _Reader(query)
    kind = reader.name()
    if kind not in ("query", "mutation"):
        raise CallMalformed("neither a query nor a mutation")
    if reader.next not in ("(", "{"):
        reader.name()
    if reader.next == "(":
        reader.skip_variables()
    reader.take("{")
    field = reader.name()
    arguments = reader.arguments() if reader.next == "(" else {}
    selection = reader.selection(_DEPTH) if reader.next == "{" else {}
    reader.take("}")
    reader.take("")
    return Operation(kind, field, arguments, selection)


def selected(value: Any, selection: Selection) -> Any:
    """What of the value was asked for. A field that there is not is null: the package asks for all that Authing has."""
    if not selection:
        return None if isinstance(value, Mapping) else value
    if not isinstance(value, Mapping):
        return None
    return {name: selected(value.get(name), inner) for name, inner in selection.items()}


class _Reader:
    """``next`` is the token that comes, "" at the end."""

    def __init__(self, text: str) -> None:
        self._tokens: Iterator[str] = (token for token in _token.findall(text) if token.strip(" \t\r\n,"))
        self.next = next(self._tokens, "")

    def take(self, wanted: str) -> None:
        if self.next != wanted:
            raise CallMalformed("not a query that is served here")
        self.next = next(self._tokens, "")

    def name(self) -> str:
        name = self.next
        if not _name(name):
            raise CallMalformed("no name where one belongs")
        self.take(name)
        return name

    def skip_variables(self) -> None:
        """``($id: String, $input: UpdateUserInput!)``: what the values must be is known here."""
        self.take("(")
        while self.next == "$":
            self.take("$")
            self.name()
            self.take(":")
            self.name()
            if self.next == "!":
                self.take("!")
        self.take(")")

    def arguments(self) -> dict[str, str]:
        """``(id: $id, input: $input)``."""
        found: dict[str, str] = {}
        self.take("(")
        while self.next != ")":
            argument = self.name()
            self.take(":")
            self.take("$")
            if argument in found:
                raise CallMalformed("an argument twice")
            found[argument] = self.name()
        self.take(")")
        return found

    def selection(self, depth: int) -> dict[str, Selection]:
        if not depth:
            raise CallMalformed("too deep")
        found: dict[str, Selection] = {}
        self.take("{")
        while self.next != "}":
            name = self.name()
            found[name] = self.selection(depth - 1) if self.next == "{" else {}
        self.take("}")
        return found
