"""What the keys of a plugin must agree on, with its app and with each other.

What its login states must agree on is in ``session_checks.py``, what its headers must in ``identity_checks.py``, what
username and password must in ``account_checks.py``, what open data must in ``open_data_checks.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from menshen.config.account_checks import account_problems
from menshen.config.apps import App
from menshen.config.document import Plugin
from menshen.config.identity_checks import credentials_among_identity, identity_problems
from menshen.config.open_data_checks import open_data_problems
from menshen.config.outline import At, Outline
from menshen.config.session_checks import session_problems
from menshen.config.templates import REFUSAL_PLACEHOLDERS, REPLY_PLACEHOLDERS, placeholders
from menshen.config.wording import render_path
from menshen.errors import Problem

__all__ = ["plugin_problems"]

_OF_REFRESH = frozenset({"refresh_token", "refresh_expires_in"})


def plugin_problems(outline: Outline, plugin_types: Mapping[str, str]) -> Iterator[Problem]:
    """The problems of all plugins. ``plugin_types`` is plugin type -> platform."""
    apps: dict[str, App] = {}
    for app in outline.apps:
        apps.setdefault(app.value.name, app.value)
    declared = {name.value for name in outline.names.apps}
    for plugin in outline.plugins:
        yield from _type_and_app(plugin, plugin_types, apps, declared)
        yield from session_problems(plugin)
        yield from account_problems(plugin)
        yield from open_data_problems(plugin)
        yield from _reply(plugin)
        yield from _refusals(plugin)
        yield from identity_problems(plugin)
    yield from credentials_among_identity(outline)


def _type_and_app(
    at: At[Plugin], plugin_types: Mapping[str, str], apps: Mapping[str, App], declared: set[str]
) -> Iterator[Problem]:
    plugin = at.value
    platform = plugin_types.get(plugin.type)
    if platform is None:
        known = ", ".join(plugin_types)
        yield Problem(
            f"{at.path}.type",
            f"no plugin type is named '{plugin.type}'; there are: {known}",
            f"不支持的插件类型 '{plugin.type}'，可选：{known}",
        )
    if plugin.app not in declared:
        yield Problem(f"{at.path}.app", f"no app is named '{plugin.app}'", f"应用 '{plugin.app}' 不存在")
    app = apps.get(plugin.app)
    if platform is not None and app is not None and app.platform != platform:
        yield Problem(
            f"{at.path}.type",
            f"{plugin.type} is for apps on {platform}; the app '{app.name}' is on {app.platform}",
            f"{plugin.type} 只适用于 {platform} 平台，应用 '{app.name}' 属于 {app.platform}",
        )


def _reply(at: At[Plugin]) -> Iterator[Problem]:
    plugin = at.value
    if plugin.reply is None:
        return
    if plugin.respond != "gateway":
        yield Problem(f"{at.path}.reply", "needs respond: gateway", "只能与 respond: gateway 同时使用")
    used: set[str] = set()
    for loc, name in placeholders(plugin.reply):
        used.add(name)
        if name not in REPLY_PLACEHOLDERS:
            path = f"{at.path}.reply.{render_path(loc)}"
            if name == "session_key":
                yield Problem(path, "session_key is never sent to a client", "session_key 不会发给客户端")
            else:
                known = ", ".join(f"${known}" for known in sorted(REPLY_PLACEHOLDERS))
                yield Problem(path, f"unknown placeholder; there are: {known}", f"未知的占位符，可选：{known}")
        elif name in _OF_REFRESH and plugin.session.refresh is None:
            yield Problem(
                f"{at.path}.reply.{render_path(loc)}",
                f"${name} needs session.refresh",
                f"${name} 需要配置 session.refresh",
            )
    if plugin.respond == "gateway" and plugin.session.return_in == "body":
        yield from _left_out(at, used)


def _refusals(at: At[Plugin]) -> Iterator[Problem]:
    if at.value.refusals is None:
        return
    if at.value.session.kind == "signed":
        yield Problem(
            f"{at.path}.refusals",
            "not with kind: signed: Envoy refuses such a login state alone, in our own words; use sealed or reference",
            "不能与 kind: signed 同时使用：这类登录态由 Envoy 独自拒绝，应答格式固定；请改用 sealed 或 reference",
        )
    for loc, name in placeholders(at.value.refusals):
        if name not in REFUSAL_PLACEHOLDERS:
            known = ", ".join(f"${known}" for known in sorted(REFUSAL_PLACEHOLDERS))
            yield Problem(
                f"{at.path}.refusals.{render_path(loc)}",
                f"unknown placeholder; there are: {known}",
                f"未知的占位符，可选：{known}",
            )


def _left_out(at: At[Plugin], used: set[str]) -> Iterator[Problem]:
    """What a reply that is the only way to the client does not hand over."""
    if "session" not in used:
        yield Problem(
            f"{at.path}.reply",
            "return_in: body needs $session in the reply, or no client gets its login state",
            "return_in: body 要求 reply 中包含 $session，否则客户端拿不到登录态",
        )
    if at.value.session.refresh is not None and "refresh_token" not in used:
        yield Problem(
            f"{at.path}.reply",
            "return_in: body needs $refresh_token in the reply, or no client gets its refresh token",
            "return_in: body 要求 reply 中包含 $refresh_token，否则客户端拿不到刷新令牌",
        )
