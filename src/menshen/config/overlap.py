"""Finds patterns that can match the same request.

Patterns are put into a tree, one segment a level, and each is held against the tree of those before it: exact for
literal, parameter and rest segments, and it visits only the branches that can still meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from menshen.config.paths import Segment, Wild

__all__ = ["Pattern", "overlaps"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a request must be like. No ``methods`` means every method."""

    segments: tuple[Segment, ...]
    methods: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Node:
    children: dict[Segment, _Node] = field(default_factory=dict)
    ending: list[int] = field(default_factory=list)


def overlaps(patterns: Sequence[Pattern]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """For each pattern that meets earlier ones: its index and theirs, all ascending."""
    root = _Node()
    for index, pattern in enumerate(patterns):
        met = sorted(
            earlier
            for node in _meeting(root, pattern.segments, 0)
            for earlier in node.ending
            if _share_method(patterns[earlier], pattern)
        )
        if met:
            yield index, tuple(met)
        node = root
        for segment in pattern.segments:
            node = node.children.setdefault(segment, _Node())
        node.ending.append(index)


def _meeting(node: _Node, segments: tuple[Segment, ...], depth: int) -> Iterator[_Node]:
    """The nodes below ``node`` where a pattern ends that shares a path with ``segments[depth:]``."""
    if depth == len(segments):
        yield node
        return
    segment = segments[depth]
    for key, child in _compatible(node, segment):
        if segment is Wild.REST:
            yield from _below(child)
        elif key is Wild.REST:
            yield child
        else:
            yield from _meeting(child, segments, depth + 1)


def _compatible(node: _Node, segment: Segment) -> Iterator[tuple[Segment, _Node]]:
    """The branches that some single path segment takes together with ``segment``."""
    if isinstance(segment, Wild):
        # A parameter is never the empty segment at the end of a path; the rest may be.
        yield from (pair for pair in node.children.items() if segment is Wild.REST or pair[0] != "")
        return
    for key in (segment, Wild.ONE, Wild.REST):
        if key in node.children and not (key is Wild.ONE and segment == ""):
            yield key, node.children[key]


def _below(node: _Node) -> Iterator[_Node]:
    yield node
    for child in node.children.values():
        yield from _below(child)


def _share_method(one: Pattern, other: Pattern) -> bool:
    return not one.methods or not other.methods or not one.methods.isdisjoint(other.methods)
