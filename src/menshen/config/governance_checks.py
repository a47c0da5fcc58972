"""What plugins must agree on with each other and with what they are bound to: tags, TraceIDs, canaries, limits.

Each is said at the plugin's key, once, with the first API on which it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from menshen.config.credential_clashes import credential_clashes
from menshen.config.custom_types import CustomTypes
from menshen.config.document import Plugin
from menshen.config.effective import Bound, effective_plugins
from menshen.config.header_checks import told_headers
from menshen.config.outline import ApiAt, At, Outline
from menshen.config.plugins.canary import Canary
from menshen.config.plugins.custom import Custom
from menshen.config.plugins.jwt import Jwt
from menshen.config.plugins.key_pair import KeyPairAuth
from menshen.config.plugins.oauth import OAuth
from menshen.config.plugins.rate_limit import RateLimit
from menshen.config.plugins.registry import AnyPlugin
from menshen.config.plugins.req_transformer import ReqTransformer
from menshen.config.plugins.tag import MAX_TAGS, RequestTag, Tag
from menshen.config.reserved import fold, is_reserved
from menshen.config.route_rules import DEFAULT_VERSION
from menshen.errors import Problem

__all__ = ["governance_problems"]


@dataclass(slots=True)
class _OnTarget:
    """What one list of effective plugins makes of tags. ``tags`` is folded name -> the key that makes it."""

    api: str
    tags: dict[str, str] = field(default_factory=dict)
    trace_id: str = ""
    any_tag: bool = False
    """Whether there is a plugin of a type that cannot be asked for its tags."""
    types: set[str] = field(default_factory=set)
    headers: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Folded name of a header for the backend -> the key that names it, and the type of the plugin."""


def governance_problems(outline: Outline, types: CustomTypes) -> Iterator[Problem]:
    """Each problem once, however many APIs it shows on."""
    yield from _types(outline, types)
    yield from _versions(outline)
    if not outline.bindings_whole:
        return
    told: set[str] = set()
    for problem in _on_apis(outline, types):
        if problem.path not in told:
            told.add(problem.path)
            yield problem


def _types(outline: Outline, types: CustomTypes) -> Iterator[Problem]:
    for at in outline.others:
        plugin = at.value
        if not isinstance(plugin, Custom):
            continue
        kind = types.get(plugin.type)
        if kind is None:
            yield Problem(
                f"{at.path}.type",
                f"no plugin type is named '{plugin.type}' here; is its package installed?",
                f"没有名为 '{plugin.type}' 的插件类型，请确认已安装其软件包",
            )
        elif kind.broken:
            yield Problem(
                f"{at.path}.type",
                f"the plugin type '{plugin.type}' is broken: {kind.broken}",
                f"插件类型 '{plugin.type}' 无法使用：{kind.broken}",
            )
        else:
            for problem in kind.problems(plugin.parameters):
                path = f"{at.path}.parameters" + (f".{problem.path}" if problem.path else "")
                yield Problem(path, problem.message, problem.message_zh)


def _versions(outline: Outline) -> Iterator[Problem]:
    for at in outline.upstreams:
        names: set[str] = set()
        for index, version in enumerate(at.value.versions):
            if version.name in names or version.name == DEFAULT_VERSION:
                yield Problem(
                    f"{at.path}.versions[{index}].name",
                    f"the version '{version.name}' is there already",
                    f"版本 '{version.name}' 已存在",
                )
            names.add(version.name)


def _on_apis(outline: Outline, types: CustomTypes) -> Iterator[Problem]:
    effective = effective_plugins((at.value for at in outline.bindings), outline.kinds)
    plugins: dict[str, At[Plugin] | At[AnyPlugin]] = {}
    for login in outline.plugins:
        plugins.setdefault(login.value.name, login)
    for other in outline.others:
        plugins.setdefault(other.value.name, other)
    groups = {group.value.name: group.value for group in outline.groups}
    versions = {
        at.value.name: {DEFAULT_VERSION, *(version.name for version in at.value.versions)} for at in outline.upstreams
    }
    seen: set[tuple[tuple[Bound, ...], str]] = set()
    for api in outline.apis:
        group = groups.get(api.group or "")
        if group is None:
            continue
        bound = effective.on(group.name, api.value.name)
        if (bound, group.upstream) in seen:
            continue
        seen.add((bound, group.upstream))
        here = [plugins[each.plugin] for each in bound if each.plugin in plugins]
        yield from _on_api(api, here, versions.get(group.upstream), types)


def _on_api(
    api: ApiAt, here: Sequence[At[Plugin] | At[AnyPlugin]], versions: set[str] | None, types: CustomTypes
) -> Iterator[Problem]:
    state = _OnTarget(f"{api.group}/{api.value.name}")
    for at in here:
        yield from _tags(state, at, types)
    if any(isinstance(at.value, Custom | Jwt | KeyPairAuth | OAuth | ReqTransformer) for at in here):
        for at in here:
            yield from _told(state, at, types)
    yield from credential_clashes(state.api, here)
    has_login = any(isinstance(at.value, Plugin) for at in here)
    for at in here:
        match at.value:
            case Canary():
                yield from _canary(state, at.path, at.value, versions)
            case RateLimit():
                yield from _limits(state, at.path, at.value, has_login=has_login)
            case _:
                pass


def _tags(state: _OnTarget, at: At[Plugin] | At[AnyPlugin], types: CustomTypes) -> Iterator[Problem]:
    plugin = at.value
    match plugin:
        case Plugin():
            for index, name in enumerate(plugin.tags.identity):
                yield from _tag(state, name, f"{at.path}.tags.identity[{index}]")
            yield from _lifted(state, plugin.tags.request, f"{at.path}.tags.request")
        case Tag():
            yield from _lifted(state, plugin.tags, f"{at.path}.tags")
        case ReqTransformer():
            for index, action in enumerate(plugin.actions):
                # Two actions of one plugin may set the same tag: only one of them is taken.
                if action.tag is not None and not any(a.tag == action.tag for a in plugin.actions[:index]):
                    yield from _tag(state, action.tag, f"{at.path}.actions[{index}].tag")
        case Custom():
            kind = types.get(plugin.type)
            if kind is None or kind.broken:
                state.any_tag = True
            elif plugin.type not in state.types:
                # Two plugins of one type mean the same tag: what the later one says counts.
                state.types.add(plugin.type)
                for tag in kind.tags:
                    yield from _tag(state, tag, f"{at.path}.type")
        case _:
            pass


def _told(state: _OnTarget, at: At[Plugin] | At[AnyPlugin], types: CustomTypes) -> Iterator[Problem]:
    """Headers that a guard, a colouring or a plugin of the installation shares with another plugin.

    A backend could take one for the other: what a client chose for what a guard found (attack class 53).
    """
    plugin = at.value
    if isinstance(plugin, Plugin):
        told = [At("identity", header) for _, header in (*plugin.identity.pairs(), *plugin.claim_headers())]
    else:
        told = list(told_headers(plugin, types))
        if isinstance(plugin, Jwt | OAuth | ReqTransformer):
            told = [each for each in told if not is_reserved(each.value, "identity")]  # a problem by itself
    for each in told:
        path = f"{at.path}.{each.path}"
        first, kind = state.headers.setdefault(fold(each.value), (path, plugin.type))
        if kind != plugin.type:
            yield Problem(
                path,
                f"the API '{state.api}' has the header '{each.value}' already ({first})",
                f"API '{state.api}' 已有头 '{each.value}'（{first}）",
            )


def _lifted(state: _OnTarget, tags: Iterable[RequestTag], path: str) -> Iterator[Problem]:
    for index, tag in enumerate(tags):
        here = f"{path}[{index}]"
        yield from _tag(state, tag.called, f"{here}.tag" if tag.tag is not None else f"{here}.name")
        if not tag.trace_id:
            continue
        if state.trace_id:
            yield Problem(
                f"{here}.trace_id",
                f"the API '{state.api}' has a TraceID already ({state.trace_id}); only one parameter can be it",
                f"API '{state.api}' 已有 TraceID（{state.trace_id}），只能有一个参数作为 TraceID",
            )
        else:
            state.trace_id = here


def _tag(state: _OnTarget, name: str, path: str) -> Iterator[Problem]:
    if fold(name) in state.tags:
        yield Problem(
            path,
            f"the API '{state.api}' has the tag '{name}' already ({state.tags[fold(name)]})",
            f"API '{state.api}' 已有标签 '{name}'（{state.tags[fold(name)]}）",
        )
        return
    state.tags[fold(name)] = path
    if len(state.tags) == MAX_TAGS + 1:
        yield Problem(
            path,
            f"the API '{state.api}' has more than {MAX_TAGS} tags",
            f"API '{state.api}' 的标签超过 {MAX_TAGS} 个",
        )


def _canary(state: _OnTarget, path: str, canary: Canary, versions: set[str] | None) -> Iterator[Problem]:
    for index, rule in enumerate(canary.rules):
        for number, share in enumerate(rule.to):
            if versions is not None and share.version not in versions:
                known = ", ".join(sorted(versions))
                yield Problem(
                    f"{path}.rules[{index}].to[{number}].version",
                    f"the upstream of the API '{state.api}' has no version '{share.version}'; there are: {known}",
                    f"API '{state.api}' 的上游没有版本 '{share.version}'，可选：{known}",
                )
        for number, condition in enumerate(rule.when):
            yield from _known(state, condition.tag, f"{path}.rules[{index}].when[{number}].tag")


def _limits(state: _OnTarget, path: str, plugin: RateLimit, *, has_login: bool) -> Iterator[Problem]:
    for index, limit in enumerate(plugin.limits):
        if limit.tag is not None:
            yield from _known(state, limit.tag, f"{path}.limits[{index}].tag")
        if limit.by == "user" and not has_login:
            yield Problem(
                f"{path}.limits[{index}].by",
                f"the API '{state.api}' knows no user: no login plugin is bound there",
                f"API '{state.api}' 未绑定登录插件，无法识别用户",
            )


def _known(state: _OnTarget, tag: str, path: str) -> Iterator[Problem]:
    if fold(tag) not in state.tags and not state.any_tag:
        yield Problem(
            path,
            f"the API '{state.api}' has no tag '{tag}'; lift it with a Tag plugin, or tick it in the login plugin",
            f"API '{state.api}' 没有标签 '{tag}'，请用 Tag 插件提取，或在登录插件中勾选",
        )
