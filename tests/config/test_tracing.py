"""What a document says of traces, and what is made of it."""

from __future__ import annotations

import pytest

from menshen.config.reserved import TRACE_FAMILIES, TRACE_NAMES, is_reserved
from menshen.config.snapshot import TracingRules
from menshen.documents.documents import load_document
from menshen.errors import ConfigInvalid

DOCUMENT = """\
version: 1
upstreams: [{name: orders, endpoints: ["127.0.0.1:9001"]}]
groups:
  - {name: mall, prefix: /mall, upstream: orders, apis: [{name: order, path: "/orders/{id}", access: public}]}
"""
ORDER = """\
plugins:
  - {name: tags, type: Tag, tags: [{in: path, name: "/orders/{id}", tag: order, trace_id: true}]}
bindings: [{plugin: tags, group: mall}]
"""


def rules(text: str) -> TracingRules | None:
    return load_document(DOCUMENT + text, {}).snapshot.tracing


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigInvalid) as raised:
        rules(text)
    return [str(problem) for problem in raised.value.problems]


def test_nothing_is_traced_until_it_is_asked_for() -> None:
    assert rules("") is None


def test_a_trace_id_needs_no_collector() -> None:
    assert rules(ORDER) == TracingRules(otlp="", sample=100.0, service="menshen", accept=True, keep_days=14)


def test_every_key_arrives() -> None:
    text = "tracing: {otlp: https://otlp.example.com/base, sample: 0.5, service: edge, accept: false, keep_days: 30}\n"
    assert rules(text) == TracingRules("https://otlp.example.com/base", 0.5, "edge", False, 30)
    assert rules("tracing: {}\n") == TracingRules()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{sample: 101}", "tracing.sample"),
        ("{sample: -1}", "tracing.sample"),
        ("{sample: .nan}", "tracing.sample"),
        ("{otlp: localhost:4318}", "tracing.otlp"),
        ("{otlp: http://user:word@collector}", "tracing.otlp"),
        ("{keep_days: 0}", "tracing.keep_days"),
        ("{keep_days: 366}", "tracing.keep_days"),
        ("{service: 'a b'}", "tracing.service"),
        ("{exporter: zipkin}", "tracing.exporter"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(text: str, key: str) -> None:
    assert [problem.split(":")[0] for problem in problems(f"tracing: {text}\n")] == [key]


def test_one_api_has_one_trace_id() -> None:
    text = """\
plugins:
  - name: tags
    type: Tag
    tags: [{in: path, name: "/orders/{id}", tag: order, trace_id: true}, {in: query, name: pay, trace_id: true}]
bindings: [{plugin: tags, group: mall}]
"""
    (problem,) = problems(text)
    assert "has a TraceID already" in problem


def test_no_header_of_a_trace_can_be_a_credential_or_an_identity() -> None:
    assert [name for name in TRACE_NAMES if not is_reserved(name, "session")] == []
    assert [family for family in TRACE_FAMILIES if not is_reserved(f"{family}-x", "identity")] == []
