"""Which documents can be run without Envoy: the others are refused, and whatever needs it is named.

A plugin that nobody carries out is worse than none: a limit or an address rule that does nothing looks like one that
holds (security rule 4). What can be done is listed here, so that a plugin type which is new is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from menshen.config.document import Document, Plugin, Upstream
from menshen.config.loading import Loaded
from menshen.config.plugins.registry import kind_of
from menshen.documents.documents import Documents
from menshen.errors import ConfigInvalid, Problem
from menshen.storage.revisions import Revision

__all__ = ["AppDocuments", "needs_envoy"]

_BRAIN: Final = frozenset({"login", "OAuth", "KeyPair", "custom"})
"""Kinds of plugins that the brain judges by itself."""

_WITHOUT: Final = "needs Envoy, and the middleware has none: run the gateway (menshen serve), or take it out"
_WITHOUT_ZH: Final = "需要 Envoy，而中间件没有它：请改用网关（menshen serve），或去掉此项"

_NAMING: Final = frozenset({"name", "endpoints", "description"})
"""Keys of an upstream that say which service this is, and nothing about carrying."""


class AppDocuments(Documents):
    """Documents of an application that has the middleware. Reading one that needs Envoy raises ``ConfigInvalid``."""

    def read(self, text: str, kept: Revision | None) -> Loaded:
        return _checked(super().read(text, kept))

    def check(self, raw: Mapping[str, Any]) -> Loaded:
        return _checked(super().check(raw))


def _checked(loaded: Loaded) -> Loaded:
    problems = list(needs_envoy(loaded))
    if problems:
        raise ConfigInvalid(problems)
    return loaded


def needs_envoy(loaded: Loaded) -> Iterator[Problem]:
    """Everything in a document that only Envoy does. A plugin that is bound nowhere does nothing, and needs nobody."""
    document = loaded.document
    if document.listener.tls is not None:
        yield _problem("listener.tls", "TLS", "TLS")
    if document.tracing is not None:
        yield _problem("tracing", "tracing", "链路追踪")
    yield from _upstreams(document)
    bound = {binding.plugin for binding in document.bindings}
    partly = {
        rules.plugin
        for route in loaded.snapshot.routes
        for rules in route.custom
        if rules.envoy is not None or rules.tags
    }
    for index, plugin in enumerate(document.plugins):
        if plugin.name not in bound:
            continue
        named = f"{plugin.name} ({plugin.type})"
        if kind_of(plugin) not in _BRAIN or plugin.name in partly:
            yield _problem(f"plugins[{index}]", named, named)
        elif isinstance(plugin, Plugin) and (plugin.tags.request or plugin.tags.identity):
            yield _problem(f"plugins[{index}].tags", f"the tags of {named}", f"{named} 的标签")


def _upstreams(document: Document) -> Iterator[Problem]:
    """The one upstream is the application itself."""
    used = {group.upstream for group in document.groups}
    if len(used) > 1:
        names = ", ".join(sorted(used))
        yield _problem("upstreams", f"more than one upstream ({names})", f"多个上游（{names}）")
    for index, upstream in enumerate(document.upstreams):
        if upstream.name not in used:
            continue
        for key, field in Upstream.model_fields.items():
            if key not in _NAMING and getattr(upstream, key) != field.get_default():
                yield _problem(f"upstreams[{index}].{key}", f"{key} of an upstream", f"上游的 {key}")


def _problem(path: str, what: str, what_zh: str) -> Problem:
    return Problem(path, f"{what} {_WITHOUT}", f"{what_zh} {_WITHOUT_ZH}")
