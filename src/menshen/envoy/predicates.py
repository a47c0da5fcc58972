"""Conditions on headers as Envoy's matchers have them: what canaries and colouring ask of a value.

Everything an operator writes stands in a field of its own, as a text to compare with or as an expression of RE2;
nothing is put together to a program, so no text can become one (attack class 49). Expressions fit whole values, and run
in linear time whatever a client sends (attack class 19).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from menshen.envoy.typed import Json, typed

__all__ = ["all_of", "any_of", "exactly", "expression", "header_is", "in_span", "not_so"]

_INPUT: Final = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"


def header_is(name: str, matcher: Json) -> Json:
    """One header of a request, as :func:`exactly` or :func:`expression` wants it. A missing one never fits."""
    config = typed(_INPUT, {"header_name": name})
    return {"single_predicate": {"input": {"name": name, "typed_config": config}, "value_match": matcher}}


def exactly(text: str) -> Json:
    return {"exact": text}


def expression(pattern: str) -> Json:
    """RE2 as Envoy reads it, on bytes; it fits the whole of a header."""
    return {"safe_regex": {"google_re2": {}, "regex": pattern}}


def in_span(bucket: str, start: int, stop: int) -> Json:
    """The header has two digits, of a number from ``start`` to before ``stop``."""
    return header_is(bucket, expression(_numbers(start, stop)))


def not_so(predicate: Json) -> Json:
    return {"not_matcher": predicate}


def all_of(predicates: Sequence[Json]) -> Json:
    """Of at least one."""
    return predicates[0] if len(predicates) == 1 else {"and_matcher": {"predicate": list(predicates)}}


def any_of(predicates: Sequence[Json]) -> Json:
    """Of at least one."""
    return predicates[0] if len(predicates) == 1 else {"or_matcher": {"predicate": list(predicates)}}


def _numbers(start: int, stop: int) -> str:
    """A regular expression for the two digits of every number from ``start`` to before ``stop``."""
    tens: dict[int, list[int]] = {}
    for number in range(start, stop):
        tens.setdefault(number // 10, []).append(number % 10)
    return "|".join(
        f"{ten}{ones[0]}" if len(ones) == 1 else f"{ten}[{ones[0]}-{ones[-1]}]" for ten, ones in tens.items()
    )
