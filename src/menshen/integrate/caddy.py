"""Caddy: a question before each request, whose refusals pass as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from menshen.config.snapshot import Route, Upstream
from menshen.gateway.forward_auth import ANSWERED
from menshen.integrate.answers import OWN_ANSWERS, body_of
from menshen.integrate.matches import ODD_PATHS, Match, in_branches
from menshen.integrate.names import FAMILIES, spellings
from menshen.integrate.rendering import rendered
from menshen.integrate.site import Domain, Site
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE

__all__ = ["caddy"]

_ID = "{http.request.uuid}"

_SEPARATORS = ".!#$%&'*+^`|~"
"""What a header's name may have beside letters, digits, "-" and "_"."""

_Way = tuple[bool, str, str, tuple[str, ...]]
"""Whether Menshen is asked, the upstream, the prefix that is taken off, and the credentials that stop."""

_AT_ONCE: Final = 64
"""Expressions that are tried one after the other: Caddy asks at each branch whether it is the one, and an expression
costs about half of that."""


def caddy(site: Site) -> str:
    """A Caddyfile without global options; the secret is in Caddy's environment."""
    families = [spelling for family in FAMILIES for spelling in spellings((family,))]
    ways = _ways(site)
    domains = [(_address(each, site), _branches(each, site, ways)) for each in site.domains]
    return rendered(
        "Caddyfile.j2",
        {
            "site": site,
            "variable": PROXY_SECRET_VARIABLE,
            "answered": ANSWERED,
            "domains": domains,
            "odd": _quoted(f"~^{ODD_PATHS}(?:\\?.*)?$"),
            "separators": [_quoted(f"-*{each}*") for each in (_SEPARATORS if site.underscores else "_" + _SEPARATORS)],
            "families": families,
            "said": _said,
            "ways": ways.values(),
            "answers": {name: (refusal, body_of(refusal, _ID)) for name, refusal in OWN_ANSWERS.items()},
        },
    )


def _address(domain: Domain, site: Site) -> str:
    scheme = "https" if site.listener.tls else "http"
    return f"{scheme}://{'' if domain.name == '*' else domain.name}:{site.listen.port}"


def _branches(domain: Domain, site: Site, ways: dict[_Way, dict[str, Any]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """First segments of a path, and lines of a map for what is below them; "" for all others, which are the last."""
    return [
        (" ".join(_quoted(f"/{segment}") for segment in segments), _lines(matches, site, ways))
        for segments, matches in in_branches(domain.matches, _AT_ONCE)
    ]


def _lines(matches: Iterable[Match], site: Site, ways: dict[_Way, dict[str, Any]]) -> list[tuple[str, str]]:
    """Caddy takes no expression twice; the second would never count."""
    found: dict[str, str] = {}
    for match in matches:
        methods = f"(?:{'|'.join(match.methods)})" if match.methods else "[^ ]+"
        found.setdefault(_quoted(f"~^{methods} {match.path}(?:\\?.*)?$"), _target(match, site, ways))
    return list(found.items())


def _target(match: Match, site: Site, ways: dict[_Way, dict[str, Any]]) -> str:
    """Where a request goes, and behind a colon its route, or the methods that there are."""
    if match.route is not None:
        return f"{ways[_way(match.route, site)]['name']}:{match.route.id}"
    if match.status == 405:
        return f"405:{','.join(match.allow)}"
    return "404" if match.status else "client"


def _way(route: Route, site: Site) -> _Way:
    return (
        site.asks(route),
        route.upstream,
        route.prefix.rstrip("/") if route.strip_prefix else "",
        tuple(name for name, groups in site.credentials.items() if route.group in groups),
    )


def _ways(site: Site) -> dict[_Way, dict[str, Any]]:
    """All that differ in what becomes of a request. Each is a handler with a client of its own, and groups share it."""
    upstreams = {upstream.name: upstream for upstream in site.upstreams}
    routes = (match.route for domain in site.domains for match in domain.matches if match.route is not None)
    found = dict.fromkeys(_way(route, site) for route in routes)
    return {
        way: {
            "name": f"{'asked' if way[0] else 'open'}_{number}",
            "asked": way[0],
            "strip": way[2],
            "credentials": way[3],
            **_upstream(upstreams[way[1]]),
        }
        for number, way in enumerate(found)
    }


def _upstream(upstream: Upstream) -> dict[str, Any]:
    return {
        "to": " ".join(str(endpoint) for endpoint in upstream.endpoints),
        "connect": _time(upstream.connect_timeout),
        "timeout": _time(upstream.timeout) if upstream.timeout else "",
        "tls": upstream.tls,
    }


def _said(header: str) -> str:
    """What Menshen said in this header; Caddy knows it by Go's spelling alone."""
    name = "-".join(word[:1].upper() + word[1:].lower() for word in header.split("-"))
    return f"{{http.reverse_proxy.header.{name}}}"


def _time(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _quoted(text: str) -> str:
    """Between backquotes, in which nothing has a meaning; no expression has one."""
    return f"`{text}`" if "`" not in text else '"' + text.replace('"', '\\"') + '"'
