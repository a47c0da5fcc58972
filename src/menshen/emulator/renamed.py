"""Platforms that are asked by POST with a form, and call AppID, AppSecret and code by names of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from menshen.emulator.dialect import Asked, Dialect, Outcome, parameters

__all__ = ["RenamedDialect"]


@dataclass(frozen=True, slots=True)
class RenamedDialect(Dialect):
    """``names``: what the platform calls a parameter -> what WeChat does.

    A parameter in the query is as good as one in the form: public projects send either, and are answered.
    """

    names: Mapping[str, str] = field(default_factory=dict)

    def asked(self, method: str, query: bytes, body: bytes) -> Asked:
        params = self.called(query, body)
        return Asked(
            params,
            params.get("appid", ""),
            params.get("secret", ""),
            params.get("js_code", ""),
            _incomplete(method, params),
        )

    def called(self, query: bytes, body: bytes) -> Mapping[str, str]:
        given = {**parameters(query), **parameters(body)}
        return {self.names.get(name, name): value for name, value in given.items()}


def _incomplete(method: str, params: Mapping[str, str]) -> Outcome | None:
    if method != "POST":
        return "wrong_method"
    if "appid" not in params:
        return "no_appid"
    if "secret" not in params:
        return "no_secret"
    return None if "js_code" in params else "no_code"
