"""Which fields stand together on a page, in which order, and which are folded away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from menshen.web.console.forms.showing import Widget
from menshen.web.console.language import sentence

__all__ = ["PLAIN", "Block", "Section", "laid_out"]


@dataclass(frozen=True, slots=True)
class Section:
    """``keys`` are ways in the part, ``session.kind``; of a part they may name the whole, ``health_check``.

    ``title`` is a sentence of the catalog, "" for none.
    """

    title: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A section with its widgets. A folded one is open when something in it is wrong."""

    title: str
    widgets: tuple[Widget, ...]
    folded: bool = False

    @property
    def open(self) -> bool:
        return any(each.wrong for each in self.widgets)


PLAIN: tuple[Section, ...] = ()
"""Everything, as the model has it."""


def laid_out(widgets: Sequence[Widget], sections: Sequence[Section]) -> tuple[Block, ...]:
    """What no section names is folded away at the end, so that no key of the document is out of reach."""
    if not sections:
        return (Block("", tuple(widgets)),)
    named = [key for section in sections for key in section.keys]
    pieces = {each.key: each for each in _pieces(widgets, named)}
    blocks = [Block(section.title, tuple(pieces[key] for key in section.keys if key in pieces)) for section in sections]
    rest = tuple(piece for key, piece in pieces.items() if key not in named)
    if rest:
        blocks.append(Block(sentence("Advanced"), rest, folded=True))
    return tuple(block for block in blocks if block.widgets)


def _pieces(widgets: Sequence[Widget], named: Sequence[str]) -> Iterator[Widget]:
    """The widgets, and those inside a part instead of the part where a section names one of them."""
    for each in widgets:
        if each.kind == "part" and not each.nullable and any(key.startswith(f"{each.key}.") for key in named):
            yield from _pieces(each.widgets, named)
        else:
            yield each
