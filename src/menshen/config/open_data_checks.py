"""What open data beside a code must agree on, with the code and with the plugin's other credentials."""

from __future__ import annotations

from collections.abc import Iterator

from menshen.config.credential_names import credential_name_problems
from menshen.config.document import Plugin
from menshen.config.outline import At
from menshen.config.reserved import fold
from menshen.errors import Problem

__all__ = ["open_data_problems"]


def open_data_problems(at: At[Plugin]) -> Iterator[Problem]:
    """The problems of the keys below ``open_data``."""
    plugin, path = at.value, f"{at.path}.open_data"
    if plugin.open_data is None:
        return
    position = plugin.code.position
    if position == "cookie":
        yield Problem(
            path,
            "open data comes where the code does, and not in a cookie; use code.in: header, query or body",
            "开放数据与 code 在同一位置，但不能放在 cookie 中；请使用 code.in: header、query 或 body",
        )
    elif position == "body" and plugin.respond == "upstream":
        # A field of a body cannot be taken out on the way, as a header or a parameter of a query can.
        yield Problem(
            path,
            "in a body it needs respond: gateway, or the backend would be handed it",
            "位于 body 时需配合 respond: gateway，否则会被转发给后端",
        )
    named = plugin.open_data.named()
    if position == "header" and ("raw_data" in named or "signature" in named):
        # It is JSON, commas and letters of any script, and a comma is what stands between two copies of a header.
        yield Problem(
            f"{path}.{'raw_data' if 'raw_data' in named else 'signature'}",
            "raw_data does not fit into a header; use encrypted_data and iv",
            "raw_data 不能放在请求头中，请使用 encrypted_data 和 iv",
        )
    if not named or any((one in named) != (other in named) for one, other in _PAIRS):
        yield Problem(
            path,
            "needs encrypted_data and iv, or raw_data and signature, or all four",
            "需要 encrypted_data 和 iv，或 raw_data 和 signature，或四项全部",
        )
    yield from _names(path, plugin, named)


_PAIRS = (("encrypted_data", "iv"), ("raw_data", "signature"))


def _names(path: str, plugin: Plugin, named: dict[str, str]) -> Iterator[Problem]:
    """One name, one meaning, as of every credential."""
    taken = {fold(name): owner for name, owner in _taken(plugin)}
    for key, name in named.items():
        yield from credential_name_problems(f"{path}.{key}", name, {plugin.code.position}, "code")
        owner = taken.get(fold(name))
        if owner is not None:
            yield Problem(f"{path}.{key}", f"{owner[0]} has this name already", f"{owner[1]}已使用此名称")
        taken.setdefault(fold(name), (f"open_data.{key}", f"open_data.{key} "))


def _taken(plugin: Plugin) -> Iterator[tuple[str, tuple[str, str]]]:
    yield plugin.session.name, ("the login state", "登录态")
    yield plugin.code.name, ("the code", "code")
    if plugin.session.refresh is not None:
        yield plugin.session.refresh.name, ("the refresh token", "刷新令牌")
    if plugin.account is not None:
        yield plugin.account.username, ("the username", "用户名")
        yield plugin.account.password, ("the password", "密码")
