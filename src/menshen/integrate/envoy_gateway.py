"""Envoy Gateway: ``SecurityPolicy`` with an HTTP ``extAuth``, one for each API, and a Lua filter for the rest.

The filter asks before the headers of a route are set, so the route is told in the one place that is the policy's own:
the path of the question, to which it appends the client's. Early header mutation takes away what a client may not say,
before any route is looked for, by the expressions of our own Envoy. Answers that Envoy would have to give itself are
asked of Menshen.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any, Final

import yaml

from menshen.config.snapshot import Endpoint, Route, Upstream
from menshen.envoy.paths import REFUSED_PATHS, rewritten
from menshen.errors import BrainUnavailable
from menshen.gateway.forward_auth import ANSWERED
from menshen.gateway.wire import HEADER_PROXY, HEADER_REQUEST_ID, SECRET_HEADERS
from menshen.integrate.answers import body_of
from menshen.integrate.matches import Match, apis_of, client_paths
from menshen.integrate.rendering import rendered
from menshen.integrate.site import Domain, Site
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE

__all__ = ["envoy_gateway"]

Json = dict[str, Any]

_UNASKED: Final = 506
"""What the filter answers where Menshen cannot be asked: no backend says it, so the Lua filter knows it again."""

_RULES: Final = 16
_EXPRESSION: Final = 1024
"""Limits of the Gateway API: rules of an HTTPRoute, characters of an expression."""

_ODD: Final = REFUSED_PATHS.replace(r"\C", ".")
"""Envoy Gateway checks expressions as Go reads them. What has a byte that is no text fits none, and is a 404."""

_INTERNAL: Final = (HEADER_PROXY, "x-menshen-target", "x-menshen-cookie")
_GATEWAY: Final = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "menshen"}


def envoy_gateway(site: Site) -> str:
    """Kubernetes objects, with ``${MENSHEN_VERIFY_SECRET}`` where the secret goes."""
    objects = [
        _gateway(site),
        _client_traffic(site),
        _lua(site),
        _backend("menshen", [site.verify]),
        *(_backend(_to(u, site), u.endpoints, _tls(u, site)) for u in site.upstreams),
        *(_without(prefix, number) for prefix, number in _prefixes(site).items()),
        *_routes(site),
    ]
    values = {
        "site": site,
        "variable": PROXY_SECRET_VARIABLE,
        "authorities": [(f"{_to(u, site)}-ca", u.tls.ca) for u in site.upstreams if u.tls is not None and u.tls.ca],
        "configuration": yaml.safe_dump_all(objects, sort_keys=False, width=10000, allow_unicode=True).strip(),
    }
    return rendered("envoy-gateway.yaml.j2", values)


def _gateway(site: Site) -> Json:
    listener: Json = {"name": "menshen", "port": site.listen.port, "protocol": "HTTP"}
    if site.listener.tls:
        listener |= {"protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "menshen-tls"}]}}
    listener["allowedRoutes"] = {"namespaces": {"from": "Same"}}
    spec = {"gatewayClassName": "eg", "listeners": [listener]}
    return _object("gateway.networking.k8s.io/v1", "Gateway", "menshen", spec)


def _client_traffic(site: Site) -> Json:
    """What is done with a request before there is a route for it."""
    early = {
        "set": [{"name": HEADER_PROXY, "value": f"${{{PROXY_SECRET_VARIABLE}}}"}],
        "removeOnMatch": [{"type": "RegularExpression", "value": each} for each in _together(site.patterns)],
    }
    headers = {"withUnderscoresAction": "Allow" if site.underscores else "DropHeader", "earlyRequestHeaders": early}
    path = {"escapedSlashesAction": "RejectRequest", "disableMergeSlashes": True}
    return _policy("ClientTrafficPolicy", "menshen", _GATEWAY, {"headers": headers, "path": path})


def _together(patterns: Sequence[str]) -> Iterator[str]:
    """As few expressions as the length that one may have lets them be."""
    found = ""
    for pattern in patterns:
        joined = f"{found}|{pattern}" if found else pattern
        if len(joined) > _EXPRESSION - len("(?i)(?:)"):
            yield f"(?i)(?:{found})"
            joined = pattern
        found = joined
    yield f"(?i)(?:{found})"


def _lua(site: Site) -> Json:
    code = (files("menshen.integrate") / "templates" / "envoy-gateway.lua").read_text(encoding="utf-8")
    said = {
        "given": ", ".join(f'"{name}"' for name in site.returned),
        "answered": str(ANSWERED),
        "unasked": str(_UNASKED),
        "status": str(BrainUnavailable.status),
        "code": str(BrainUnavailable.code),
        "body": body_of(BrainUnavailable, "").replace("\\", "\\\\").replace("'", "\\'"),
    }
    for name, text in said.items():
        code = code.replace(f"@{name}@", text)
    return _policy("EnvoyExtensionPolicy", "menshen", _GATEWAY, {"lua": [{"type": "Inline", "inline": code}]})


def _routes(site: Site) -> Iterator[Json]:
    rules = [(domain, rule, route) for domain in site.domains for rule, route in _rules(domain, site)]
    # Of two expressions Envoy Gateway tries the longer one first; a group that takes nothing puts them into our order.
    longest = max(len(rule["matches"][0]["path"]["value"]) for _, rule, _ in rules) + len("(?P<_>)")
    for number, (_, rule, _) in enumerate(rules):
        rule["name"] = f"rule-{number}"
        for match in rule["matches"]:
            short = longest + len(rules) - number - len(match["path"]["value"])
            match["path"]["value"] += f"(?P<{'_' * (short - len('(?P<>)'))}>)"
    for at, domain in enumerate(site.domains):
        mine = [(rule, route) for other, rule, route in rules if other is domain]
        for part, start in enumerate(range(0, len(mine), _RULES)):
            some = mine[start : start + _RULES]
            name = f"menshen-{at}-{part}"
            spec: Json = {"parentRefs": [{"name": "menshen"}]}
            if domain.name != "*":
                spec["hostnames"] = [domain.name]
            spec["rules"] = [rule for rule, _ in some]
            yield _object("gateway.networking.k8s.io/v1", "HTTPRoute", name, spec)
            for rule, route in some:
                if route is not None and site.asks(route):
                    yield _asking(name, rule["name"], route, site)


def _rules(domain: Domain, site: Site) -> Iterator[tuple[Json, Route | None]]:
    """In the order in which they are to be tried."""
    yield _refused(_ODD, "malformed_request"), None
    client = client_paths(domain.matches)
    if client:
        yield {"matches": _matches(f"(?:{client})"), "backendRefs": [_ref("menshen")]}, None
    for match in apis_of(domain.matches):
        if match.route is not None:
            yield _served(match, match.route, site), match.route
        elif match.status == 405:
            yield _refused(match.path, f"method_not_allowed/{','.join(match.allow)}"), None
        else:
            yield _refused(match.path, "no_such_route"), None
    yield _refused(".*", "no_such_route"), None


def _served(match: Match, route: Route, site: Site) -> Json:
    upstream = next(each for each in site.upstreams if each.name == route.upstream)
    stops = [name for name, groups in site.credentials.items() if route.group in groups]
    # Credentials stop here. What the filter sets on the way is gone before: this is for the day when it is not.
    filters: list[Json] = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": [*_INTERNAL, *stops]}}]
    number = _prefixes(site).get(route.prefix) if route.strip_prefix else None
    if number is not None:
        ref = {"group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": f"menshen-prefix-{number}"}
        filters.append({"type": "ExtensionRef", "extensionRef": ref})
    rule: Json = {
        "matches": _matches(match.path, match.methods),
        "filters": filters,
        "backendRefs": [_ref(_to(upstream, site))],
    }
    if upstream.timeout:
        rule["timeouts"] = {"request": _duration(upstream.timeout)}
    return rule


def _prefixes(site: Site) -> dict[str, int]:
    """Those that are taken off, each with a number of its own."""
    routes = [match.route for domain in site.domains for match in domain.matches if match.route is not None]
    found = dict.fromkeys(route.prefix for route in routes if route.strip_prefix and rewritten(route.prefix))
    return {prefix: number for number, prefix in enumerate(found)}


def _without(prefix: str, number: int) -> Json:
    """Done where the request leaves: before that it would be another path, and perhaps another route."""
    rewrite = rewritten(prefix)["regex_rewrite"]
    replaced = {"pattern": rewrite["pattern"]["regex"], "substitution": rewrite["substitution"]}
    spec = {"urlRewrite": {"path": {"type": "ReplaceRegexMatch", "replaceRegexMatch": replaced}}}
    return _object("gateway.envoyproxy.io/v1alpha1", "HTTPRouteFilter", f"menshen-prefix-{number}", spec)


def _refused(path: str, reason: str) -> Json:
    rewrite = {"path": {"type": "ReplaceFullPath", "replaceFullPath": f"/verify/refused/{reason}"}}
    filters = [{"type": "URLRewrite", "urlRewrite": rewrite}]
    return {"matches": _matches(path), "filters": filters, "backendRefs": [_ref("menshen")]}


def _matches(path: str, methods: Sequence[str] = ()) -> list[Json]:
    matches: list[Json] = [{"path": {"type": "RegularExpression", "value": path}} for _ in methods or ("",)]
    for match, method in zip(matches, methods, strict=False):
        match["method"] = method
    return matches


def _asking(name: str, rule: str, route: Route, site: Site) -> Json:
    shown = {"cookie", "content-type", "user-agent", "x-forwarded-for", HEADER_PROXY, HEADER_REQUEST_ID}
    given = {f"x-menshen-give-{name}" for name in site.returned} | {f"x-menshen-set-cookie-{n}" for n in (1, 2)}
    told = {*site.identity, "x-menshen-target", "x-menshen-cookie", *given}
    ext_auth = {
        "headersToExtAuth": sorted({*shown, *site.credentials, *SECRET_HEADERS, *site.read}),
        "failOpen": False,
        "statusOnError": _UNASKED,
        "timeout": "30s",
        "http": {
            "path": f"/verify/envoy/{route.id}/{site.shape}",
            "backendRefs": [_ref("menshen")],
            "headersToBackend": sorted(told),
        },
    }
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": name, "sectionName": rule}
    return _policy("SecurityPolicy", f"{name}-{rule}", target, {"extAuth": ext_auth})


def _backend(name: str, endpoints: Sequence[Endpoint], tls: Json | None = None) -> Json:
    spec: Json = {"endpoints": [_endpoint(each) for each in endpoints]}
    return _object("gateway.envoyproxy.io/v1alpha1", "Backend", name, spec | ({"tls": tls} if tls else {}))


def _endpoint(endpoint: Endpoint) -> Json:
    try:
        ipaddress.ip_address(endpoint.host)
    except ValueError:
        return {"fqdn": {"hostname": endpoint.host, "port": endpoint.port}}
    return {"ip": {"address": endpoint.host, "port": endpoint.port}}


def _tls(upstream: Upstream, site: Site) -> Json | None:
    if upstream.tls is None:
        return None
    name = f"{_to(upstream, site)}-ca"
    authority: Json = {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": name}]}
    return {
        **(authority if upstream.tls.ca else {"wellKnownCACertificates": "System"}),
        "sni": upstream.tls.server_name,
    }


def _to(upstream: Upstream, site: Site) -> str:
    """Kubernetes knows no ``_`` in a name."""
    return f"menshen-to-{site.upstreams.index(upstream)}"


def _ref(name: str) -> Json:
    return {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": name}


def _duration(seconds: float) -> str:
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{round(seconds * 1000)}ms"


def _policy(kind: str, name: str, target: Json, spec: Json) -> Json:
    return _object("gateway.envoyproxy.io/v1alpha1", kind, name, {"targetRefs": [target], **spec})


def _object(version: str, kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
