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

__all__ = ["TRACE_FAMILIES", "TRACE_NAMES", "continued"]

TRACE_NAMES: Final = (
    "traceparent",
    "tracestate",  # what another vendor's tracer noted; it is not checked, so it is not handed on
    "b3",
    "uber-trace-id",
    "x-client-trace-id",
    "x-ot-span-context",
    "x-cloud-trace-context",
    "x-amzn-trace-id",
    "sw8",
)
"""Headers by which tracers hand a trace on."""

TRACE_FAMILIES: Final = ("x-b3", "x-datadog", "sw8")
"""The same, by what their names begin with."""

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
    ``x-menshen-*`` must be gone before. Envoy limits the size of an expression's pattern, so a
    text is held against several; it has no concatenation there either, which the formats around them do.
    """
    edits: list[Json] = []
    for text, condition in _readings():
        edits += [
            {"append": written(_READ, f"{text}-01")},
            {"append": written(_FOUND, f"%CEL({condition} ? {_header(_READ)} : '')%")},
        ]
    return [
        *edits,
        others,
        {"append": written("traceparent", f"%REQ({_FOUND})%")},
        *({"remove": name} for name in (_READ, _FOUND)),
    ]


def _readings() -> list[tuple[str, str]]:
    """Each way that a trace may be written: the text ``00-<trace>-<span>`` of it, and the condition that it is one."""
    parent, single, trace, span = (_header(n) for n in ("traceparent", "b3", "x-b3-traceid", "x-b3-spanid"))
    no_parent = f"!({_there('traceparent')})"
    no_single = f"{no_parent} && !({_there('b3')})"

    def in_one(digits: int) -> str:
        # With the span, with a sampling state behind it, with the parent's span behind that.
        sizes = " || ".join(f"size({single}) == {digits + more}" for more in (17, 19, 36))
        shape = f"{_is(single, f'^{_HEX}{{{digits}}}-')} && {_is(single, _B3_REST)}"
        return f"{no_parent} && ({sizes}) && {shape} && !{_is(single, _B3_NOTHING)}"

    def in_several(digits: int) -> str:
        shape = f"{_is(trace, f'^{_HEX}{{{digits}}}$')} && {_is(span, f'^{_HEX}{{16}}$')}"
        return f"{no_single} && {shape} && !{_is(trace, _ONLY_ZEROS)} && !{_is(span, _ONLY_ZEROS)}"

    w3c = (
        f"size({parent}) == 55 && {_is(parent, f'^00-{_HEX}{{32}}-')} && {_is(parent, f'-{_HEX}{{16}}-{_HEX}{{2}}$')}"
        f" && !{_is(parent, f'^00-(0+-|{_HEX}+-0+-)')}"
    )
    return [
        ("%REQ(traceparent):52%", w3c),
        ("00-%REQ(b3):49%", in_one(32)),
        (f"00-{_SHORT}%REQ(b3):33%", in_one(16)),
        ("00-%REQ(x-b3-traceid)%-%REQ(x-b3-spanid)%", in_several(32)),
        (f"00-{_SHORT}%REQ(x-b3-traceid)%-%REQ(x-b3-spanid)%", in_several(16)),
    ]


def _header(name: str) -> str:
    return f"request.headers['{name}']"


def _there(name: str) -> str:
    return f"'{name}' in request.headers"


def _is(value: str, pattern: str) -> str:
    return f"{value}.matches('{pattern}')"
