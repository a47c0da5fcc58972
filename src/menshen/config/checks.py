"""What keys of a document must agree on with each other.

Each check is a pure function of the outline that yields problems, with the place of the key to change. What a plugin
must agree on within itself is in ``plugin_checks.py``, what the user pool must in ``user_checks.py``.
"""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from menshen.config.app_keys import AppKeys, app_key_problems
from menshen.config.component_checks import component_problems
from menshen.config.custom_types import NO_CUSTOM_TYPES, CustomTypes
from menshen.config.effective import effective_plugins
from menshen.config.governance_checks import governance_problems
from menshen.config.header_checks import header_problems
from menshen.config.lifted_checks import lifted_problems
from menshen.config.outline import At, Outline
from menshen.config.overlap import Pattern, overlaps
from menshen.config.own_paths import OWN_PATHS
from menshen.config.paths import parse_path
from menshen.config.plugin_checks import plugin_problems
from menshen.config.plugins.registry import EXCLUSIVE, GUARDS
from menshen.config.user_checks import user_problems
from menshen.errors import Problem

__all__ = ["NONE_BROKEN", "NO_KEYS", "cross_check"]

NO_KEYS: Final[Mapping[str, AppKeys]] = MappingProxyType({})
NONE_BROKEN: Final[Mapping[str, str]] = MappingProxyType({})
"""Every platform has AppID and AppSecret alone."""

_KINDS_ZH = {"login": "登录", "Cors": "跨域", "KeyPair": "密钥对鉴权"}

_MOST_NAMES_FOR_A_HINT = 50
"""Guessing what was meant compares every name; in a large document it would take longer than the check."""


def cross_check(
    outline: Outline,
    *,
    plugin_types: Mapping[str, str],
    platforms: Container[str],
    app_keys: Mapping[str, AppKeys] = NO_KEYS,
    broken: Mapping[str, str] = NONE_BROKEN,
    types: CustomTypes = NO_CUSTOM_TYPES,
) -> tuple[Problem, ...]:
    """All problems.

    ``plugin_types`` is type of login plugin -> platform; ``platforms`` are those that have an adapter; ``app_keys``
    is platform -> what it has beside AppID and AppSecret; ``broken`` is platform -> why the installation cannot use it;
    ``types`` are the plugin types of the installation.
    """
    return (
        *_duplicate_names(outline),
        *component_problems(outline),
        *_apps(outline, platforms, app_keys, broken),
        *_groups(outline),
        *_overlapping_apis(outline),
        *plugin_problems(outline, plugin_types),
        *_bindings(outline),
        *_unguarded(outline),
        *_client_api(outline),
        *header_problems(outline, types),
        *lifted_problems(outline, types),
        *governance_problems(outline, types),
        *user_problems(outline),
    )


def _duplicate_names(outline: Outline) -> Iterator[Problem]:
    names = outline.names
    yield from _duplicates(names.components, "component", "第三方平台")
    yield from _duplicates(names.apps, "app", "应用")
    yield from _duplicates(names.upstreams, "upstream", "上游服务")
    yield from _duplicates(names.groups, "group", "分组")
    for group in names.apis:
        yield from _duplicates(group.apis, "API of this group", "API（同一分组内）")
    yield from _duplicates(names.plugins, "plugin", "插件")
    yield from _duplicates(names.webhooks, "webhook", "Webhook ")


def _duplicates(names: Iterable[At[str]], kind: str, kind_zh: str) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name in names:
        if name.value in first:
            yield Problem(
                f"{name.path}.name",
                f"another {kind} has the name '{name.value}' ({first[name.value]})",
                f"{kind_zh}名称 '{name.value}' 与 {first[name.value]} 重复",
            )
        else:
            first[name.value] = name.path


def _apps(
    outline: Outline, platforms: Container[str], app_keys: Mapping[str, AppKeys], broken: Mapping[str, str]
) -> Iterator[Problem]:
    first: dict[tuple[str, str], str] = {}
    for app in outline.apps:
        if app.value.platform in broken:
            why = broken[app.value.platform]
            yield Problem(
                f"{app.path}.platform",
                f"the platform '{app.value.platform}' is broken: {why}",
                f"平台 '{app.value.platform}' 无法使用：{why}",
            )
        elif app.value.platform not in platforms:
            yield Problem(
                f"{app.path}.platform",
                f"no platform is named '{app.value.platform}'",
                f"不支持的平台 '{app.value.platform}'",
            )
        else:
            yield from app_key_problems(app, app_keys.get(app.value.platform, {}))
        key = (app.value.platform, app.value.appid)
        if key in first:
            yield Problem(
                f"{app.path}.appid",
                f"the app at {first[key]} has this AppID on the same platform",
                f"同一平台的 AppID 与 {first[key]} 重复",
            )
        else:
            first[key] = app.path


def _groups(outline: Outline) -> Iterator[Problem]:
    first: dict[tuple[str, str], At[str]] = {}
    upstreams = frozenset(at.value for at in outline.names.upstreams)
    for group in outline.groups:
        yield from _unknown(f"{group.path}.upstream", group.value.upstream, "upstream", "上游服务", upstreams)
        for index, host in enumerate(group.value.hosts):
            key = (host, group.value.prefix)
            if key not in first:
                first[key] = At(group.path, group.value.name)
            elif first[key].path == group.path:
                yield Problem(f"{group.path}.hosts[{index}]", "this host is in the list twice", "域名重复")
            else:
                yield Problem(
                    f"{group.path}.prefix",
                    f"the group '{first[key].value}' ({first[key].path}) has this prefix on the same host '{host}'",
                    f"分组 '{first[key].value}'（{first[key].path}）在域名 '{host}' 上已使用此前缀",
                )


def _overlapping_apis(outline: Outline) -> Iterator[Problem]:
    for start, stop in _runs([api.group_path for api in outline.apis]):
        apis = outline.apis[start:stop]
        patterns = [Pattern(parse_path(api.value.path), frozenset(api.value.methods or ())) for api in apis]
        for later, earlier in overlaps(patterns):
            shown = ", ".join(f"'{apis[index].value.name}' ({apis[index].value.path})" for index in earlier[:3])
            more = f" and {len(earlier) - 3} more" if len(earlier) > 3 else ""
            more_zh = f" 等 {len(earlier)} 个" if len(earlier) > 3 else ""
            own = f"'{apis[later].value.name}' ({apis[later].value.path})"
            yield Problem(
                f"{apis[later].path}.path",
                f"the API {own} can match the same request as {shown}{more}",
                f"API {own} 与 {shown}{more_zh} 可能匹配同一请求",
            )


def _runs(keys: list[str]) -> Iterator[tuple[int, int]]:
    """Where each run of equal keys starts and stops."""
    start = 0
    for index in range(1, len(keys) + 1):
        if index == len(keys) or keys[index] != keys[start]:
            yield start, index
            start = index


def _bindings(outline: Outline) -> Iterator[Problem]:
    plugins = frozenset(at.value for at in outline.names.plugins)
    groups = frozenset(at.value for at in outline.names.groups)
    apis = frozenset(f"{group.group}/{api.value}" for group in outline.names.apis for api in group.apis)
    first: dict[tuple[str, str, str], At[str]] = {}
    for at in outline.bindings:
        binding = at.value
        yield from _unknown(f"{at.path}.plugin", binding.plugin, "plugin", "插件", plugins)
        if binding.group is not None and binding.api is not None:
            yield Problem(at.path, "must have group or api, not both", "group 与 api 只能填一个")
            continue
        if binding.group is not None:
            yield from _unknown(f"{at.path}.group", binding.group, "group", "分组", groups)
            target = ("group", binding.group)
        elif binding.api is not None:
            yield from _unknown(f"{at.path}.api", binding.api, "API", "API", apis)
            target = ("api", binding.api)
        else:
            yield Problem(at.path, "must have group or api", "必须填写 group 或 api")
            continue
        kind = outline.kinds.get(binding.plugin, "login")
        key = (*target, kind if kind in EXCLUSIVE else binding.plugin)
        if key not in first:
            first[key] = At(at.path, binding.plugin)
        elif first[key].value == binding.plugin:
            yield Problem(at.path, f"the same binding is at {first[key].path}", f"与 {first[key].path} 重复绑定")
        else:
            yield Problem(
                at.path,
                f"the {target[0]} '{target[1]}' has the {kind} plugin '{first[key].value}' already"
                f" ({first[key].path}); only one can be effective",
                f"'{target[1]}' 已绑定{_KINDS_ZH.get(kind, kind)}插件 '{first[key].value}'（{first[key].path}），"
                "同一级只能绑定一个",
            )


def _unguarded(outline: Outline) -> Iterator[Problem]:
    """APIs that ask for a caller whom no plugin can tell."""
    if not outline.bindings_whole:
        return
    effective = effective_plugins((at.value for at in outline.bindings), outline.kinds)
    for api in outline.apis:
        wanted = api.value.access
        if (
            wanted in ("required", "optional")
            and api.group is not None
            and not any(outline.kinds.get(b.plugin) in GUARDS for b in effective.on(api.group, api.value.name))
        ):
            yield Problem(
                f"{api.path}.access",
                f"'{wanted}' needs a login plugin, or another guard, that is bound to this API or its group",
                f"'{wanted}' 需要在该 API 或其分组上绑定登录插件或其他鉴权插件",
            )


def _client_api(outline: Outline) -> Iterator[Problem]:
    """APIs that no request would reach. One that only meets such a path by a parameter or a star keeps the others."""
    if outline.listener is None:
        return
    if not outline.listener.client_api:
        for at in outline.plugins:
            if at.value.session.refresh is not None:
                yield Problem(
                    f"{at.path}.session.refresh",
                    "refresh tokens are used at the client API, which listener.client_api switches off",
                    "刷新令牌依赖客户端接口，而 listener.client_api 已将其关闭",
                )
        return
    if not outline.bindings and not outline.components:
        return
    base = outline.listener.client_api.rstrip("/")
    own = {f"{base}/{path}" for path in OWN_PATHS}
    below = tuple(path for path in own if path.endswith("/"))
    prefixes = {group.path: group.value.prefix for group in outline.groups}
    for api in outline.apis:
        prefix = prefixes.get(api.group_path)
        whole = "" if prefix is None else prefix.rstrip("/") + api.value.path
        if whole in own or whole.startswith(below):
            yield Problem(
                f"{api.path}.path",
                "the gateway itself answers this path; change listener.client_api or the path",
                "此路径由网关自身应答，请修改 listener.client_api 或该路径",
            )


def _unknown(path: str, name: str, kind: str, kind_zh: str, declared: frozenset[str]) -> Iterator[Problem]:
    if name in declared:
        return
    near = difflib.get_close_matches(name, sorted(declared), n=1) if len(declared) <= _MOST_NAMES_FOR_A_HINT else []
    hint, hint_zh = (f"; did you mean '{near[0]}'?", f"，是否为 '{near[0]}'？") if near else ("", "")
    yield Problem(path, f"no {kind} is named '{name}'{hint}", f"{kind_zh} '{name}' 不存在{hint_zh}")
