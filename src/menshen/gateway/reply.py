"""The JSON answer of ``respond: gateway``, and that of refusals, made from the plugin's templates.

A template is any JSON value; ``$session``, ``$expires_in``, ``$uid`` … stand for values. A string that is one
placeholder takes the value with its type, a placeholder inside a longer string is put in as text, ``$$`` is a dollar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from string import Template
from typing import Any

from menshen.config.snapshot import LoginPlugin
from menshen.gateway.returning import Handed
from menshen.gateway.shown_user import ShownUser
from menshen.sessions.claims import SessionClaims

__all__ = ["render_refusal", "render_reply"]


def render_reply(
    plugin: LoginPlugin, claims: SessionClaims, handed: Handed, *, new_user: bool, user: ShownUser | None = None
) -> dict[str, Any]:
    """The answer to a login. Lifetimes are in seconds. The session_key is not among the values, by design.

    ``user`` is there where the plugin's template ``tells_user``.
    """
    values: dict[str, Any] = {
        "session": handed.state,
        "expires_in": max(0, handed.expires_in),
        "refresh_token": handed.refresh_token,
        "refresh_expires_in": max(0, handed.refresh_expires_in),
        "uid": claims.sub,
        "openid": claims.openid,
        "unionid": claims.unionid,
        "app": plugin.app.name,
        "appid": claims.appid,
        "platform": claims.platform,
        "session_id": claims.sid,
        "new_user": new_user,
    }
    if user is not None:
        values |= asdict(user)
    template = plugin.reply
    if template is None:
        template = {plugin.session.name: "$session", "expires_in": "$expires_in", "uid": "$uid"}
        if plugin.session.refresh is not None:
            template |= {"refresh_token": "$refresh_token", "refresh_expires_in": "$refresh_expires_in"}
    return {key: _fill(value, values) for key, value in template.items()}


def render_refusal(plugin: LoginPlugin | None, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """``body`` as our error contract has it, or what the plugin's template for it makes of that."""
    templates = None if plugin is None else plugin.refusals
    if templates is None:
        return body
    for key in (body["reason"], body["action"], "any"):
        if key in templates:
            return {name: _fill(value, body) for name, value in templates[key].items()}
    return body


def _fill(template: Any, values: Mapping[str, Any]) -> Any:
    match template:
        case str() if template.startswith("$") and template[1:] in values:
            return values[template[1:]]
        case str():
            return Template(template).safe_substitute(values)
        case dict():
            return {key: _fill(value, values) for key, value in template.items()}
        case list():
            return [_fill(value, values) for value in template]
    return template
