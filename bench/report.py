"""What a measurement hands back, and how it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Goal", "Report", "print_goals", "print_report"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A promise and what was measured. ``at_least`` false: the value must stay below the limit."""

    what: str
    value: float
    limit: float
    unit: str = ""
    at_least: bool = True

    @property
    def holds(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value < self.limit


@dataclass(frozen=True, slots=True)
class Report:
    """``rows`` under ``head``, all text; ``notes`` say what a reader must know to believe them."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    goals: Sequence[Goal]
    notes: Sequence[str] = ()


def print_report(report: Report) -> None:
    widths = [max(map(len, column)) for column in zip(report.head, *report.rows, strict=True)]
    print(f"\n{report.title}")
    for row in (report.head, *report.rows):
        first, *others = (text.rjust(width) for text, width in zip(row, widths, strict=True))
        print(f"  {first.strip().ljust(widths[0])}  {'  '.join(others)}")
    for note in report.notes:
        print(f"  {note}")


def print_goals(goals: Sequence[Goal]) -> None:
    width = max(len(goal.what) for goal in goals)
    print("\nGoals")
    for goal in goals:
        limit = f"{'>=' if goal.at_least else '<'} {_number(goal.limit)}"
        verdict = "holds" if goal.holds else "MISSED"
        print(f"  {goal.what.ljust(width)}  {_number(goal.value):>7} {goal.unit:<9} {limit:<8}  {verdict}")


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
