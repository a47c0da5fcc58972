"""What a check says: how it is, what was found, and what to do, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from menshen.doctor.installation import Installation

__all__ = ["Check", "Finding", "Said", "Status", "Trouble", "no_subject", "well"]

Status = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence in both languages. In a :class:`Trouble` it has ``{names}`` for the facts of the day."""

    en: str
    zh: str

    def about(self, **facts: Said | str | float) -> Said:
        en = {name: fact.en if isinstance(fact, Said) else fact for name, fact in facts.items()}
        zh = {name: fact.zh if isinstance(fact, Said) else fact for name, fact in facts.items()}
        return Said(self.en.format(**en), self.zh.format(**zh))


@dataclass(frozen=True, slots=True)
class Finding:
    """``trouble`` names what it is, "" where all is well. No secret is ever in one."""

    status: Status
    found: Said
    advice: Said | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a check can find. ``advice`` is one sentence: what an operator does about it."""

    name: str
    status: Status
    found: Said
    advice: Said

    def seen(self, **facts: Said | str | float) -> Finding:
        return Finding(self.status, self.found.about(**facts), self.advice.about(**facts), self.name)


def well(en: str, zh: str) -> Finding:
    """All is well, and this is how well."""
    return Finding("ok", Said(en, zh))


def no_subject(_: Installation) -> Sequence[str]:
    """The subjects of a check that runs once, about the installation as a whole."""
    return ("",)


@dataclass(frozen=True, slots=True)
class Check:
    """One check. It runs once for each of its ``subjects`` ("" for the installation as a whole), all at the same time.

    ``limit`` is in seconds.
    """

    name: str
    looks_at: Said
    troubles: tuple[Trouble, ...]
    run: Callable[[Installation, str], Awaitable[Sequence[Finding]]]
    subjects: Callable[[Installation], Sequence[str]] = no_subject
    limit: float = 5.0
