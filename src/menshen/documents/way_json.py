"""What a dry run came to, as JSON: of ``menshen route --json`` and of the admin API, which describes its types."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct, field

from menshen.config.route_rules import Operator, Relation
from menshen.config.snapshot import Access
from menshen.documents.canary_choice import Tried
from menshen.documents.way import Nowhere, Question, Way

__all__ = ["Said", "ToGateway", "ToNowhere", "ToUpstream", "said_of"]


class Pattern(Struct):
    """The API's own path, behind the group's prefix. Without ``methods`` it takes any."""

    prefix: str
    path: str
    methods: tuple[str, ...]


class AskedGuard(Struct):
    """A plugin that may refuse the caller, and who asks it."""

    plugin: str
    type: str
    by: str


class EffectivePlugin(Struct):
    """``target`` is the group, or ``group/api``, that the plugin is bound to."""

    plugin: str
    type: str
    target: str


class SaidTag(Struct):
    """``untrusted``: a client chooses it. ``value`` is "" where the request has no such tag."""

    tag: str
    value: str
    untrusted: bool


class SaidCondition(Struct):
    """A condition of a rule. ``value`` is the request's."""

    tag: str
    op: Operator
    values: tuple[str, ...]
    value: str
    holds: bool


class SaidRule(Struct):
    """A rule that was looked at, in the order in which they are tried."""

    canary: str
    rule: str
    fits: bool
    relation: Relation
    when: tuple[SaidCondition, ...]


class SaidSpan(Struct):
    """The buckets, of 0 to 99, of one version."""

    version: str
    first: int = field(name="from")
    last: int = field(name="to")


class SaidRefusal(Struct):
    status: int
    code: int
    reason: str


class ToUpstream(Struct, tag_field="goes", tag="upstream"):
    """It goes to a backend, once the guards let it through.

    ``version`` is null where it depends on an x-request-id that is not known; ``spans`` tells what there is then.
    """

    method: str
    host: str
    path: str
    api: str
    access: Access
    pattern: Pattern
    guards: tuple[AskedGuard, ...]
    user: str | None
    plugins: tuple[EffectivePlugin, ...]
    tags: tuple[SaidTag, ...]
    ignored_tags: tuple[str, ...]
    rules: tuple[SaidRule, ...]
    rule: str | None
    by: Literal["user", "request", "nobody"]
    bucket: int | None
    spans: tuple[SaidSpan, ...]
    upstream: str
    version: str | None
    endpoints: dict[str, tuple[str, ...]]
    backend_path: str


class ToGateway(Struct, tag_field="goes", tag="gateway"):
    """It is a call of the gateway's own API for clients."""

    method: str
    host: str
    path: str


class ToNowhere(Struct, tag_field="goes", tag="nowhere"):
    """It is refused. ``groups`` are those that were asked, ``allow`` the methods that the path has."""

    method: str
    host: str
    path: str
    refusal: SaidRefusal
    prefix: str
    groups: tuple[str, ...]
    allow: tuple[str, ...]
    rewritten_by: str | None


Said: TypeAlias = ToUpstream | ToGateway | ToNowhere


def said_of(question: Question, said: Way | Nowhere) -> Said:
    """The same, as values that JSON has."""
    path = said.path or question.path
    if isinstance(said, Way):
        return _to_upstream(question.method, said)
    if said.refusal is None:
        return ToGateway(question.method, said.host, path)
    refusal = SaidRefusal(said.refusal.status, said.refusal.code, said.refusal.reason)
    return ToNowhere(question.method, said.host, path, refusal, said.prefix, said.groups, said.allow, said.api or None)


def _to_upstream(method: str, way: Way) -> ToUpstream:
    route, choice = way.route, way.choice
    return ToUpstream(
        method=method,
        host=way.host,
        path=way.path,
        api=route.id,
        access=route.access,
        pattern=Pattern(route.prefix, route.path, route.methods),
        guards=tuple(AskedGuard(each.plugin, each.type, each.by) for each in way.guards),
        user=way.user or None,
        plugins=tuple(EffectivePlugin(each.plugin, each.type, each.target) for each in way.plugins),
        tags=tuple(SaidTag(each.tag, each.value, each.untrusted) for each in way.tags),
        ignored_tags=way.ignored,
        rules=tuple(_rule(tried) for tried in choice.tried),
        rule=choice.rule or None,
        by=choice.by,
        bucket=choice.bucket,
        spans=tuple(SaidSpan(version, start, stop - 1) for version, start, stop in choice.spans),
        upstream=route.upstream,
        version=choice.version or None,
        endpoints={version: tuple(map(str, found)) for version, found in way.endpoints.items()},
        backend_path=way.backend_path,
    )


def _rule(tried: Tried) -> SaidRule:
    when = tuple(SaidCondition(c.tag, c.operator, c.values, c.value, c.holds) for c in tried.conditions)
    return SaidRule(tried.canary, tried.rule, tried.fits, tried.relation, when)
