"""APIs with their effective plugins to the routes of a snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from menshen.config.custom_rules import custom_rules, in_envoy
from menshen.config.custom_types import CustomTypes
from menshen.config.document import Api, Document, Group
from menshen.config.effective import Bound, effective_plugins
from menshen.config.identity import PRESETS
from menshen.config.plugins.canary import Canary
from menshen.config.plugins.cors import Cors
from menshen.config.plugins.custom import Custom
from menshen.config.plugins.ip_access import IpAccess
from menshen.config.plugins.jwt import Jwt
from menshen.config.plugins.key_pair import KeyPairAuth
from menshen.config.plugins.oauth import OAuth
from menshen.config.plugins.path_rewrite import PathRewrite
from menshen.config.plugins.rate_limit import RateLimit
from menshen.config.plugins.registry import AnyPlugin, kind_of
from menshen.config.plugins.req_transformer import ReqTransformer
from menshen.config.plugins.tag import RequestTag, Tag
from menshen.config.route_rules import (
    CanaryRule,
    CorsRules,
    CustomRules,
    IpRules,
    JwtRules,
    KeyPairRules,
    LimitRule,
    OAuthRules,
    RewriteRule,
    TransformRules,
)
from menshen.config.snapshot import LoginPlugin, Route

__all__ = ["routes_of"]


@dataclass(slots=True)
class _Rules:
    """What the plugins of one API come to."""

    tags: list[RequestTag] = field(default_factory=list)
    canary: list[tuple[int, CanaryRule]] = field(default_factory=list)
    limits: list[LimitRule] = field(default_factory=list)
    ip_access: list[IpRules] = field(default_factory=list)
    cors: CorsRules | None = None
    rewrites: list[RewriteRule] = field(default_factory=list)
    transforms: list[TransformRules] = field(default_factory=list)
    jwt: JwtRules | None = None
    oauth: OAuthRules | None = None
    key_pair: KeyPairRules | None = None
    custom: list[CustomRules] = field(default_factory=list)

    def guard_headers(self) -> Iterator[str]:
        """The headers by which guards tell a backend what they found."""
        if self.jwt is not None:
            yield from (header for _, header in self.jwt.claims)
        if self.oauth is not None and self.oauth.payload:
            yield self.oauth.payload
        if self.key_pair is not None:
            yield self.key_pair.caller
        for custom in self.custom:
            yield from custom.headers

    @property
    def guarded(self) -> bool:
        return bool(self.jwt or self.oauth or self.key_pair or self.custom)


def routes_of(document: Document, logins: Mapping[str, LoginPlugin], types: CustomTypes) -> Iterator[Route]:
    """The routes in the document's order. Raises ``ConfigInvalid`` where an installed type does not compile."""
    effective = effective_plugins(document.bindings, {plugin.name: kind_of(plugin) for plugin in document.plugins})
    others = {plugin.name: plugin for plugin in document.other_plugins()}
    places = {plugin.name: index for index, plugin in enumerate(document.plugins)}
    lifted = {plugin.name: plugin.tags.request for plugin in document.login_plugins()}
    for group in document.groups:
        for api in group.apis:
            bound = effective.on(group.name, api.name)
            rules = _Rules()
            for each in bound:
                if each.plugin in lifted:
                    rules.tags += lifted[each.plugin]
                else:
                    _add(rules, others[each.plugin], each, group.name, api.name, types)
            login = next((logins[each.plugin] for each in bound if each.plugin in logins), None)
            route = _route(group, api, login, rules)
            yield in_envoy(route, types, places) if route.custom else route


def _route(group: Group, api: Api, login: LoginPlugin | None, rules: _Rules) -> Route:
    access = api.access or ("required" if login is not None or rules.guarded else "public")
    told = (*login.identity, *login.claims) if login is not None else PRESETS["menshen"]
    closed = access != "public"
    return Route(
        id=f"{group.name}/{api.name}",
        group=group.name,
        api=api.name,
        hosts=group.hosts,
        prefix=group.prefix,
        strip_prefix=group.strip_prefix,
        path=api.path,
        methods=api.methods or (),
        access=access,
        upstream=group.upstream,
        login=login if closed else None,
        identity_headers=tuple(dict.fromkeys((*(header for _, header in told), *rules.guard_headers()))),
        tags=tuple(tag.rules() for tag in rules.tags),
        canary=tuple(rule for _, rule in sorted(rules.canary, key=lambda pair: pair[0])),
        limits=tuple(rules.limits),
        ip_access=tuple(rules.ip_access),
        cors=rules.cors,
        rewrites=tuple(sorted(rules.rewrites, key=lambda rule: rule.order)),
        transforms=tuple(rules.transforms),
        jwt=rules.jwt if closed else None,
        oauth=rules.oauth if closed else None,
        key_pair=rules.key_pair if closed else None,
        custom=tuple(rules.custom) if closed else (),
    )


def _add(rules: _Rules, plugin: AnyPlugin, bound: Bound, group: str, api: str, types: CustomTypes) -> None:
    match plugin:
        case Tag():
            rules.tags += plugin.tags
        case Canary():
            rules.canary += ((rule.priority, rule.rules(plugin.name)) for rule in plugin.rules if rule.enabled)
        case RateLimit():
            limits = enumerate(plugin.limits)
            rules.limits += (limit.rules(plugin.name, index, bound.target, group, api) for index, limit in limits)
        case IpAccess():
            rules.ip_access.append(plugin.rules())
        case Cors():
            rules.cors = plugin.rules()
        case PathRewrite():
            rules.rewrites += (rule.rules() for rule in plugin.rules)
        case ReqTransformer():
            rules.transforms.append(plugin.rules())
        case Jwt():
            rules.jwt = plugin.rules()
        case OAuth():
            rules.oauth = plugin.rules()
        case KeyPairAuth():
            rules.key_pair = plugin.rules()
        case Custom():
            rules.custom.append(custom_rules(plugin, types))
