"""What the keys of a plugin must agree on, with its app, with each other and with the other plugins' headers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from menshen.config.document import App, Plugin
from menshen.config.outline import At, Outline
from menshen.config.reserved import HeaderUse, fold, identity_header_is_reserved, is_reserved, is_secret_name
from menshen.config.wording import Loc, render_path
from menshen.errors import Problem

__all__ = ["REPLY_PLACEHOLDERS", "plugin_problems"]

REPLY_PLACEHOLDERS = frozenset(
    {
        "session",
        "expires_in",
        "uid",
        "openid",
        "unionid",
        "app",
        "appid",
        "platform",
        "session_id",
        "new_user",
    }
)
"""What ``$name`` in a reply may stand for. ``session_key`` is not among them and never will be."""

_PLACEHOLDER = re.compile(r"\$(?:\$|([A-Za-z_][A-Za-z0-9_]*))")
_NAME_IN_QUERY_OR_BODY = re.compile(r"[A-Za-z0-9._~-]+")


def plugin_problems(outline: Outline, plugin_types: Mapping[str, str]) -> Iterator[Problem]:
    """The problems of all plugins. ``plugin_types`` is plugin type -> platform."""
    apps: dict[str, App] = {}
    for app in outline.apps:
        apps.setdefault(app.value.name, app.value)
    declared = {name.value for name in outline.names.apps}
    for plugin in outline.plugins:
        yield from _type_and_app(plugin, plugin_types, apps, declared)
        yield from _session(plugin)
        yield from _reply(plugin)
        yield from _credential_names(plugin)
        yield from _identity(plugin)
    yield from _credentials_among_identity(outline)


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


def _session(at: At[Plugin]) -> Iterator[Problem]:
    plugin, session = at.value, at.value.session
    if session.kind != "sealed":
        yield Problem(
            f"{at.path}.session.kind",
            f"'{session.kind}' is not available in this release; use sealed",
            f"当前版本尚不支持 '{session.kind}'，请使用 sealed",
        )
    if session.return_in == "body" and plugin.respond == "upstream":
        yield Problem(
            f"{at.path}.session.return_in",
            "body needs respond: gateway; the upstream's own body is never changed",
            "body 只能与 respond: gateway 同时使用，网关不会改写上游的响应体",
        )
    # A code with the name of the login state, in whatever place, would be taken for a second login state.
    if plugin.code.position != "body" and fold(plugin.code.name) == fold(session.name):
        yield Problem(
            f"{at.path}.session.name",
            f"the code has the same name ({plugin.code.position} '{plugin.code.name}')",
            f"与 code 的名称相同（{plugin.code.position} '{plugin.code.name}'）",
        )


def _reply(at: At[Plugin]) -> Iterator[Problem]:
    plugin = at.value
    if plugin.reply is None:
        return
    if plugin.respond != "gateway":
        yield Problem(f"{at.path}.reply", "needs respond: gateway", "只能与 respond: gateway 同时使用")
    used: set[str] = set()
    for loc, name in _placeholders(plugin.reply, ()):
        used.add(name)
        if name not in REPLY_PLACEHOLDERS:
            path = f"{at.path}.reply.{render_path(loc)}"
            if name == "session_key":
                yield Problem(path, "session_key is never sent to a client", "session_key 不会发给客户端")
            else:
                known = ", ".join(f"${known}" for known in sorted(REPLY_PLACEHOLDERS))
                yield Problem(path, f"unknown placeholder; there are: {known}", f"未知的占位符，可选：{known}")
    if plugin.respond == "gateway" and plugin.session.return_in == "body" and "session" not in used:
        yield Problem(
            f"{at.path}.reply",
            "return_in: body needs $session in the reply, or no client gets its login state",
            "return_in: body 要求 reply 中包含 $session，否则客户端拿不到登录态",
        )


def _placeholders(template: Any, at: Loc) -> Iterator[tuple[Loc, str]]:
    if isinstance(template, str):
        yield from ((at, match[1]) for match in _PLACEHOLDER.finditer(template) if match[1])
    elif isinstance(template, dict):
        for key, item in template.items():
            yield from _placeholders(item, (*at, key))
    elif isinstance(template, list):
        for index, item in enumerate(template):
            yield from _placeholders(item, (*at, index))


def _credential_names(at: At[Plugin]) -> Iterator[Problem]:
    code, session = at.value.code, at.value.session
    yield from _credential_name(f"{at.path}.code.name", code.name, {code.position}, "code")
    yield from _credential_name(
        f"{at.path}.session.name", session.name, {session.request_in, session.return_in}, "session"
    )


def _credential_name(path: str, name: str, positions: set[str], use: HeaderUse) -> Iterator[Problem]:
    if is_secret_name(name):
        yield Problem(
            path,
            "a client that sends this name is refused: it is an AppSecret's",
            "此名称表示 AppSecret，携带它的请求会被拒绝",
        )
    elif "header" in positions and is_reserved(name, use):
        yield _reserved(path, name)
    if positions & {"query", "body"} and not _NAME_IN_QUERY_OR_BODY.fullmatch(name):
        yield Problem(
            path,
            "in a query or a body a name has letters, digits and ._~- only",
            "位于 query 或 body 时，名称只能包含字母、数字和 ._~-",
        )


def _identity(at: At[Plugin]) -> Iterator[Problem]:
    headers = at.value.identity.headers
    if not isinstance(headers, dict):
        return
    first: dict[str, str] = {}
    for field, header in headers.items():
        path = f"{at.path}.identity.headers.{field}"
        if identity_header_is_reserved(field, header):
            yield _reserved(path, header)
        if fold(header) in first:
            yield Problem(
                path,
                f"the field '{first[fold(header)]}' has this header already",
                f"字段 '{first[fold(header)]}' 已使用此头",
            )
        first.setdefault(fold(header), field)


def _credentials_among_identity(outline: Outline) -> Iterator[Problem]:
    """Identity headers are removed from every request before anything else, so no credential can travel in one."""
    credentials: dict[str, list[At[str]]] = {}
    for at in outline.plugins:
        code, session = at.value.code, at.value.session
        if code.position == "header" and not is_reserved(code.name, "code"):
            credentials.setdefault(fold(code.name), []).append(At(f"{at.path}.code.name", code.name))
        if "header" in (session.request_in, session.return_in) and not is_reserved(session.name, "session"):
            credentials.setdefault(fold(session.name), []).append(At(f"{at.path}.session.name", session.name))
    told: set[tuple[str, str]] = set()
    for at in outline.plugins:
        mapped = isinstance(at.value.identity.headers, dict)
        for field, header in at.value.identity.pairs():
            for credential in credentials.get(fold(header), ()):
                key = f"{at.path}.identity.headers.{field}" if mapped else f"{at.path}.identity.headers"
                path, other = (key, credential.path) if mapped else (credential.path, key)
                if (path, header) not in told:
                    told.add((path, header))
                    yield Problem(
                        path,
                        f"the header '{header}' is both an identity header and a credential's ({other})",
                        f"头 '{header}' 不能既是身份头又携带凭证（{other}）",
                    )


def _reserved(path: str, header: str) -> Problem:
    return Problem(path, f"the header '{header}' is reserved", f"头 '{header}' 是保留名称")
