"""A small picture of a day, as the paths of an SVG: no script, no style, and words for who does not see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["HEIGHT", "Sparkline", "sparkline"]

HEIGHT: Final = 32
_ROOM: Final = 2
"""Above the highest point, for the width of the line."""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Paths in a box of ``width`` by :data:`HEIGHT`. ``most`` is the highest value; None where there is none."""

    width: int
    line: str
    area: str
    most: float | None


def sparkline(values: Sequence[float | None]) -> Sparkline:
    """From left to right; where there is no value the line is broken. The lowest edge is 0."""
    width = max(1, len(values) - 1)
    known = [value for value in values if value is not None]
    most = max(known, default=None)
    line: list[str] = []
    area: list[str] = []
    for run in _runs(values):
        points = [f"{x} {_height(value, most or 0.0)}" for x, value in run]
        line.append(f"M{'L'.join(points)}")
        area.append(f"M{run[0][0]} {HEIGHT}L{'L'.join(points)}L{run[-1][0]} {HEIGHT}Z")
    return Sparkline(width, "".join(line), "".join(area), most)


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for x, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((x, value))
    return [run for run in runs if run]


def _height(value: float, most: float) -> str:
    share = value / most if most else 0.0
    return f"{HEIGHT - share * (HEIGHT - _ROOM):.1f}"
