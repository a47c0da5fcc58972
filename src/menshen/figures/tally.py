"""Counts that add up: of a worker, of a node, of a minute, of all of it.

A tally is plain text and integers, so that it goes over a line or into a row as it is. Its labels come from the
document (names of apps, of APIs) and from the tree of refusals, never from a request: nobody can make them many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

__all__ = ["FAMILIES", "Family", "Source", "Tally", "add", "labels_of", "total_of"]

Family = Literal["decisions", "api", "logins", "calls", "call_ms", "requests", "request_ms", "alone", "routes"]
"""Of what there are counts, and the labels of each:

``decisions`` (outcome or reason) and ``api`` (the same, of the user API) are the brain's answers; ``logins`` (app,
outcome), ``calls`` (platform, app, outcome) and ``call_ms`` (platform, bucket) what they took. ``requests`` (status
class), ``request_ms`` (bucket), ``alone`` (who refused) and ``routes`` (group/api, status class) are Envoy's.
"""

FAMILIES: Final[tuple[Family, ...]] = (
    *("decisions", "api", "logins", "calls", "call_ms"),
    *("requests", "request_ms", "alone", "routes"),
)

Tally = dict[str, dict[str, int]]
"""Family -> its labels, joined by a space -> how often. What never happened is not in it."""


def add(into: Tally, more: Mapping[str, Mapping[str, int]]) -> None:
    """Add ``more`` to ``into``."""
    for family, counts in more.items():
        own = into.setdefault(family, {})
        for labels, count in counts.items():
            own[labels] = own.get(labels, 0) + count


def total_of(tallies: Iterable[Tally]) -> Tally:
    """All of them together, a new one."""
    total: Tally = {}
    for tally in tallies:
        add(total, tally)
    return total


def labels_of(tally: Tally, family: Family) -> list[tuple[tuple[str, ...], int]]:
    """Labels and count of a family, in the order of the labels."""
    return sorted((tuple(labels.split(" ")), count) for labels, count in tally.get(family, {}).items())


class Source:
    """A process that counts from its start on, and may be replaced by one that begins at nothing.

    What it says is turned into what has been added since, so that no total ever goes down when a process dies.
    """

    def __init__(self) -> None:
        self._pid = 0
        self._said: Tally = {}

    def added(self, pid: int, counts: Tally) -> Tally:
        """What has happened since the last call, by the counts of process ``pid``. Empty families are left out."""
        before = self._said if pid == self._pid else {}
        self._pid, self._said = pid, counts
        found: Tally = {}
        for family, now in counts.items():
            then = before.get(family, {})
            # One that is lower than it was began anew: Envoy forgets the counts of routes that it drops.
            new = {
                labels: count - earlier if count >= (earlier := then.get(labels, 0)) else count
                for labels, count in now.items()
            }
            grown = {labels: count for labels, count in new.items() if count}
            if grown:
                found[family] = grown
        return found
