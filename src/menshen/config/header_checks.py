"""Names of headers and parameters that plugins other than login ones take for themselves.

What a plugin tells a backend is removed from every request before anything else, so no credential can travel in it,
and two plugins that write one header on one API could each be taken for the other (attack class 53).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from menshen.config.credential_names import credential_name_problems
from menshen.config.credential_places import Place, credential_places, place
from menshen.config.custom_types import CustomType, CustomTypes
from menshen.config.outline import At, Outline
from menshen.config.plugins.custom import Custom
from menshen.config.plugins.jwt import Jwt
from menshen.config.plugins.key_pair import KeyPairAuth
from menshen.config.plugins.oauth import OAuth
from menshen.config.plugins.registry import AnyPlugin
from menshen.config.plugins.req_transformer import ReqTransformer
from menshen.config.reserved import is_reserved, reserved_problem
from menshen.errors import Problem

__all__ = ["header_problems", "told_headers"]

_OWN_CALLER = "x-menshen-caller"
_OWN_PLUGIN = "x-menshen-plugin-"


def told_headers(plugin: AnyPlugin, types: CustomTypes) -> Iterator[At[str]]:
    """Each header that a plugin writes for the backend, with the key below the plugin that names it."""
    match plugin:
        case Jwt():
            yield from (At(f"claims.{claim}", header) for claim, header in plugin.claims.items())
        case OAuth() if plugin.payload is not None:
            yield At("payload", plugin.payload)
        case KeyPairAuth():
            yield At("caller", plugin.caller)
        case ReqTransformer():
            for index, action in enumerate(plugin.actions):
                if action.header is not None:
                    yield At(f"actions[{index}].header", action.header)
        case Custom():
            kind = types.get(plugin.type)
            yield from (At("type", header) for header in (kind.headers if kind is not None else ()))
        case _:
            pass


def header_problems(outline: Outline, types: CustomTypes) -> Iterator[Problem]:
    """The problems of all plugins' headers and tokens."""
    credentials = credential_places(outline)
    for at in outline.others:
        plugin = at.value
        for told in told_headers(plugin, types):
            path = f"{at.path}.{told.path}"
            if _reserved(plugin, told.value):
                yield reserved_problem(path, told.value)
            elif (credential := credentials.get(place("header", told.value))) is not None:
                yield Problem(
                    path,
                    f"the header '{told.value}' carries a credential ({credential})",
                    f"头 '{told.value}' 携带凭证（{credential}）",
                )
        if isinstance(plugin, Custom):
            yield from _shown(at.path, types.get(plugin.type) or CustomType(), credentials)
        if isinstance(plugin, Jwt | OAuth):
            token = plugin.token
            yield from credential_name_problems(f"{at.path}.token.name", token.name, {token.position}, "session")


def _shown(path: str, kind: CustomType, credentials: Mapping[Place, str]) -> Iterator[Problem]:
    """Credentials that an installed type would see or, in an answer, could make a client take for its own."""
    named = [
        *((name, credentials.get(place("header", name))) for name in (*kind.reads, *kind.response_headers)),
        *((name, credentials.get(place("cookie", name))) for name in kind.cookies),
    ]
    for name, credential in named:
        if credential is not None:
            yield Problem(
                f"{path}.type",
                f"this plugin type works with '{name}', which carries a credential ({credential})",
                f"该插件类型使用的 '{name}' 携带凭证（{credential}）",
            )


def _reserved(plugin: AnyPlugin, header: str) -> bool:
    if isinstance(plugin, KeyPairAuth) and header == _OWN_CALLER:
        return False
    if isinstance(plugin, Custom) and header.startswith(_OWN_PLUGIN):
        return False
    return is_reserved(header, "identity")
