"""What username and password beside a code must agree on, with the code and with the plugin's other credentials."""

from __future__ import annotations

from collections.abc import Iterator

from menshen.config.credential_names import credential_name_problems
from menshen.config.document import Plugin
from menshen.config.login_request import Account
from menshen.config.outline import At
from menshen.config.reserved import fold
from menshen.errors import Problem

__all__ = ["account_problems"]


def account_problems(at: At[Plugin]) -> Iterator[Problem]:
    """The problems of the keys below ``account``."""
    plugin, path = at.value, f"{at.path}.account"
    if plugin.account is None:
        return
    if plugin.code.position not in ("query", "body"):
        yield Problem(
            path,
            f"username and password come where the code does, and that is in the {plugin.code.position};"
            " use code.in: body or query",
            f"用户名和密码与 code 在同一位置，而 code 在 {plugin.code.position} 中；请使用 code.in: body 或 query",
        )
    elif plugin.code.position == "body" and plugin.respond == "upstream":
        # A field of a body cannot be taken out on the way, as a parameter of a query can.
        yield Problem(
            path,
            "in a body it needs respond: gateway, or the backend would be handed every password",
            "位于 body 时需配合 respond: gateway，否则密码会被转发给后端",
        )
    yield from _names(path, plugin, plugin.account)


def _names(path: str, plugin: Plugin, account: Account) -> Iterator[Problem]:
    """One name, one meaning: a password that is read as a second code or login state has the request refused."""
    taken = {fold(plugin.session.name): ("the login state", "登录态"), fold(plugin.code.name): ("the code", "code")}
    if plugin.session.refresh is not None:
        taken.setdefault(fold(plugin.session.refresh.name), ("the refresh token", "刷新令牌"))
    for key, name in (("username", account.username), ("password", account.password)):
        yield from credential_name_problems(f"{path}.{key}", name, {"query", "body"}, "code")
        if fold(name) in taken:
            owner, owner_zh = taken[fold(name)]
            yield Problem(f"{path}.{key}", f"{owner} has this name already", f"{owner_zh}已使用此名称")
        taken.setdefault(fold(name), ("the username", "用户名"))
