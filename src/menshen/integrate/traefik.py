"""Traefik: ``forwardAuth``, which copies what it is told by header names alone.

It has no words of its own and cannot add a header to a backend's answer. Refusals, calls of the user API and logins
that the gateway answers are therefore sent to Menshen whole, told from the rest by a route of the proxy's. On what is
asked about, ``authResponseHeadersRegex`` takes every header away that a client may not say, in every spelling, before
it sets any. So each route is asked about, public ones too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from menshen.config.snapshot import Route, Upstream
from menshen.gateway.wire import HEADER_CLIENT, HEADER_PROXY, HEADER_REQUEST_ID, HEADER_ROUTE
from menshen.integrate.matches import Match, apis_of, client_paths
from menshen.integrate.rendering import rendered
from menshen.integrate.site import Domain, Site
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE

__all__ = ["traefik"]

Json = dict[str, Any]

_ODD: Final = r"^(?:[^/]|$)|%2F|%3B|[\\;\x00-\x1f\x7f\x{FFFD}]|//|/\.{1,2}(?:/|$)|%25(?:25)*(?:2[eEfF]|3[bB]|5[cC]|00)"
"""Of the path that Traefik matches: ``%61`` is ``a`` there and at the backend, ``%E9`` is its byte, ``%2f`` stays."""

_OTHER_UPGRADE: Final = "HeaderRegexp(`Upgrade`, `.`) && !HeaderRegexp(`Upgrade`, `^(?i:websocket)$`)"
"""In a tunnel of HTTP/2 (h2c) a client says every header and path by itself. Of two such headers Traefik has kept the
first, before it looks for a router, or takes the request for none that changes protocols."""


def traefik(site: Site) -> str:
    """A dynamic configuration for the file provider, which puts the secret in from Traefik's environment."""
    routers = {
        f"menshen-{number:04}": {"entryPoints": ["menshen"], **router, **({"tls": {}} if site.listener.tls else {})}
        for number, router in enumerate(_routers(site), 1)
    }
    for number, router in enumerate(routers.values()):
        router["priority"] = 10 * (len(routers) - number)
    http = {
        "routers": routers,
        "middlewares": _middlewares(site),
        "services": {
            "menshen": _service([f"http://{site.verify}"], "menshen"),
            **{f"to-{u.name}": _service(_urls(u), f"to-{u.name}") for u in site.upstreams},
        },
        "serversTransports": {
            "menshen": {"forwardingTimeouts": {"dialTimeout": "1s", "responseHeaderTimeout": "45s"}},
            **{f"to-{u.name}": _transport(u) for u in site.upstreams},
        },
    }
    tls = {}
    if site.listener.tls:
        pair = {"certFile": site.listener.tls.certificate, "keyFile": site.listener.tls.key}
        tls = {"tls": {"certificates": [pair]}}
    configuration = yaml.safe_dump({"http": http, **tls}, sort_keys=False, width=10000, allow_unicode=True)
    values = {"site": site, "variable": PROXY_SECRET_VARIABLE, "configuration": configuration.strip()}
    return rendered("traefik.yaml.j2", values)


def _routers(site: Site) -> Iterator[Json]:
    """In the order in which they are to be tried. The wildcard hosts last, then the longest."""
    yield {"rule": _path(_ODD), **_refused("malformed_request")}
    yield {"rule": _OTHER_UPGRADE, **_refused("malformed_request")}
    for domain in sorted(site.domains, key=lambda each: (each.name[:1] == "*", -len(each.name))):
        client = client_paths(domain.matches)
        if client:
            rule = _all(_host(domain), _path(f"^(?:{client})$"))
            yield {"rule": rule, "service": "menshen", "middlewares": ["menshen-known"]}
        for match in apis_of(domain.matches):
            yield from _of_match(match, domain)
        yield {"rule": _host(domain) or "PathPrefix(`/`)", **_refused("no_such_route")}


def _of_match(match: Match, domain: Domain) -> Iterator[Json]:
    methods = " || ".join(f"Method(`{method}`)" for method in match.methods)
    rule = _all(_host(domain), _path(f"^{match.path}$"), methods and f"({methods})")
    route = match.route
    if route is None:
        refused = _refused("method_not_allowed", match.allow) if match.status == 405 else _refused("no_such_route")
        yield {"rule": rule, **refused}
        return
    for carried in _logins(route):
        yield {"rule": f"{rule} && {carried}", "service": "menshen", "middlewares": [_stamp(route), "menshen-login"]}
    strip = [f"strip-{route.group}"] if route.strip_prefix and route.prefix != "/" else []
    middlewares = [_stamp(route), "menshen-ask", *strip, f"left-{route.group}"]
    yield {"rule": rule, "service": f"to-{route.upstream}", "middlewares": middlewares}


def _logins(route: Route) -> Iterator[str]:
    """What a request has that the gateway itself answers."""
    plugin = route.login
    if plugin is None or plugin.respond != "gateway":
        return
    names = [plugin.code.name, *([plugin.account.username] if plugin.account else [])]
    for name in names:
        if plugin.code.position == "header":
            yield f"HeaderRegexp(`{name}`, `.`)"
        elif plugin.code.position == "cookie":
            yield f"HeaderRegexp(`Cookie`, `(?:^|; *){re.escape(name)}=`)"


def _refused(reason: str, allow: tuple[str, ...] = ()) -> Json:
    name = "-".join((f"refused-{reason}", *allow)).replace("*", "any")
    return {"service": "menshen", "middlewares": ["menshen-known", name]}


def _middlewares(site: Site) -> Json:
    known = {HEADER_PROXY: f'{{{{ env "{PROXY_SECRET_VARIABLE}" }}}}', HEADER_CLIENT: "", HEADER_REQUEST_ID: ""}
    matches = [match for domain in site.domains for match in apis_of(domain.matches)]
    routes = {match.route.id: match.route for match in matches if match.route is not None}
    refused = {
        _refused("method_not_allowed", match.allow)["middlewares"][1]: f"method_not_allowed/{','.join(match.allow)}"
        for match in matches
        if match.status == 405
    }
    refused |= {f"refused-{reason}": reason for reason in ("malformed_request", "no_such_route")}
    return {
        "menshen-known": _set(known),
        "menshen-login": {"addPrefix": {"prefix": "/verify/login"}},
        **{name: {"replacePath": {"path": f"/verify/refused/{path}"}} for name, path in refused.items()},
        "menshen-ask": {
            "forwardAuth": {
                "address": f"http://{site.verify}/verify/traefik",
                "trustForwardHeader": False,
                # Taken away in every spelling, then set where Menshen says it.
                "authResponseHeadersRegex": f"^(?i)(?:cookie|{site.pattern})$",
                "addAuthCookiesToResponse": list(site.cookies),
                "maxResponseBodySize": 1048576,
            }
        },
        **{
            f"strip-{route.group}": {"stripPrefix": {"prefixes": [route.prefix.rstrip("/")]}}
            for route in routes.values()
            if route.strip_prefix and route.prefix != "/"
        },
        # Credentials stop here.
        **{f"left-{group}": _set(_left(group, site)) for group in site.groups},
        **{_stamp(r): _set({**known, HEADER_ROUTE: f"{r.id}@{site.shape}"}) for r in routes.values()},
    }


def _left(group: str, site: Site) -> Json:
    credentials = {name: "" for name, groups in site.credentials.items() if group in groups}
    return {**credentials, "x-forwarded-prefix": "", "x-forwarded-proto": "https" if site.listener.tls else "http"}


def _stamp(route: Route) -> str:
    return f"at-{route.group}-{route.api}"


def _set(headers: Json) -> Json:
    """Traefik takes a header away whose value is empty."""
    return {"headers": {"customRequestHeaders": headers}}


def _all(*rules: str) -> str:
    return " && ".join(rule for rule in rules if rule)


def _host(domain: Domain) -> str:
    if domain.name == "*":
        return ""
    if domain.name.startswith("*"):
        return f"HostRegexp(`^.+{re.escape(domain.name[1:])}$`)"
    return f"Host(`{domain.name}`)"


def _path(expression: str) -> str:
    escaped = expression.replace("`", r"\x60")
    return f"PathRegexp(`{escaped}`)"


def _urls(upstream: Upstream) -> list[str]:
    return [f"{'https' if upstream.tls else 'http'}://{endpoint}" for endpoint in upstream.endpoints]


def _service(urls: list[str], transport: str) -> Json:
    return {"loadBalancer": {"servers": [{"url": url} for url in urls], "serversTransport": transport}}


def _transport(upstream: Upstream) -> Json:
    times = {"dialTimeout": f"{round(upstream.connect_timeout * 1000)}ms"}
    if upstream.timeout:
        times["responseHeaderTimeout"] = f"{round(upstream.timeout * 1000)}ms"
    transport: Json = {"forwardingTimeouts": times}
    if upstream.tls is not None:
        transport["serverName"] = upstream.tls.server_name
        if upstream.tls.ca:
            transport["rootCAs"] = [upstream.tls.ca]
    return transport
