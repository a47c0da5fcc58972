"""A caller's own trace: read before Envoy starts the span of the gateway, believed only where it can be read one way.

W3C ``traceparent`` and B3, in one header or in several, come out as one ``traceparent``. Whatever else a caller sends
of the kind goes no further: a backend's tracer would follow it, and say that the request is part of a trace that we
know nothing of. A malformed trace is none, and the gateway begins one.

Whether spans are kept is never the caller's to say, or any client could have every request of his exported, or none.
Envoy draws lots for each request, by ``tracing.sample``, and records one that is drawn unless its ``traceparent`` says
no: so every trace that is continued says yes here, whatever it said when it came.
"""

from __future__ import annotations

from typing import Final

from menshen.envoy.typed import Json, written

__all__ = ["continued"]

_READ: Final = "x-menshen-trace-read"
_FOUND: Final = "x-menshen-trace-found"
"""Headers that are there only while the others are read."""

_SHORT: Final = "0" * 16
"""In front of a B3 trace id of 64 bits."""

_HEX: Final = "[0-9a-f]"
_B3_REST: Final = f"-{_HEX}{{16}}(-[01d](-{_HEX}{{16}})?)?$"
_B3_NOTHING: Final = f"^0+-|^{_HEX}+-0+(-|$)"
_ONLY_ZEROS: Final = "^0+$"


def continued(others: Json) -> list[Json]:
    """Header edits that leave a ``traceparent`` where the caller's trace can be continued, and no other trace.

    ``others`` removes every header by which a trace is handed on, in every spelling; the caller's copies of
    ``x-menshen-*`` must be gone before. First each way of writing a trace is written out as a ``traceparent``, good or
    not, then one expression says which of them is one: it cannot put texts together, and the formats can. Envoy limits
    the size of its patterns, so a text is held against several.
    """
    texts = (
        "%REQ(traceparent):52%",
        "00-%REQ(b3):49%",
        f"00-{_SHORT}%REQ(b3):33%",
        "00-%REQ(x-b3-traceid)%-%REQ(x-b3-spanid)%",
        f"00-{_SHORT}%REQ(x-b3-traceid)%-%REQ(x-b3-spanid)%",
    )
    reads = [f"{_READ}-{number}" for number in range(len(texts))]
    return [
        *({"append": written(read, f"{text}-01")} for read, text in zip(reads, texts, strict=True)),
        {"append": written(_FOUND, f"%CEL({_choice(*(_header(read) for read in reads))})%")},
        others,
        {"append": written("traceparent", f"%REQ({_FOUND})%")},
        *({"remove": name} for name in (*reads, _FOUND)),
    ]


def _choice(w3c: str, one: str, one_short: str, several: str, several_short: str) -> str:
    """An expression that is the reading that is a trace, or ''. The kind that comes first is believed or nothing is."""
    by_one = f"{_in_one(32)} ? {one} : ({_in_one(16)} ? {one_short} : '')"
    by_several = f"{_in_several(32)} ? {several} : ({_in_several(16)} ? {several_short} : '')"
    b3 = f"{_there('b3')} ? ({by_one}) : ({_there('x-b3-traceid')} ? ({by_several}) : '')"
    return f"{_there('traceparent')} ? ({_in_parent()} ? {w3c} : '') : ({b3})"


def _in_parent() -> str:
    parent = _header("traceparent")
    shape = f"{_is(parent, f'^00-{_HEX}{{32}}-')} && {_is(parent, f'-{_HEX}{{16}}-{_HEX}{{2}}$')}"
    return f"size({parent}) == 55 && {shape} && !{_is(parent, f'^00-(0+-|{_HEX}+-0+-)')}"


def _in_one(digits: int) -> str:
    """The trace id has so many digits; behind the span may be a sampling state, behind that the parent's span."""
    single = _header("b3")
    sizes = " || ".join(f"size({single}) == {digits + more}" for more in (17, 19, 36))
    shape = f"{_is(single, f'^{_HEX}{{{digits}}}-')} && {_is(single, _B3_REST)}"
    return f"({sizes}) && {shape} && !{_is(single, _B3_NOTHING)}"


def _in_several(digits: int) -> str:
    trace, span = _header("x-b3-traceid"), _header("x-b3-spanid")
    shape = f"{_is(trace, f'^{_HEX}{{{digits}}}$')} && {_is(span, f'^{_HEX}{{16}}$')}"
    return f"{shape} && !{_is(trace, _ONLY_ZEROS)} && !{_is(span, _ONLY_ZEROS)}"


def _header(name: str) -> str:
    return f"request.headers['{name}']"


def _there(name: str) -> str:
    return f"'{name}' in request.headers"


def _is(value: str, pattern: str) -> str:
    return f"{value}.matches('{pattern}')"
