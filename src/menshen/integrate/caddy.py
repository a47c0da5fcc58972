"""Caddy: a question before each request, whose refusals pass as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from menshen.config.snapshot import Upstream
from menshen.gateway.forward_auth import ANSWERED
from menshen.integrate.answers import OWN_ANSWERS, body_of
from menshen.integrate.matches import ODD_PATHS, Match
from menshen.integrate.names import FAMILIES, spellings
from menshen.integrate.rendering import rendered
from menshen.integrate.site import Domain, Site
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE

__all__ = ["caddy"]

_ID = "{http.request.uuid}"

_SEPARATORS = ".!#$%&'*+^`|~"
"""What a header's name may have beside letters, digits, "-" and "_"."""


def caddy(site: Site) -> str:
    """A Caddyfile without global options; the secret is in Caddy's environment."""
    entries = {each.name: _first_of_each(_entry(match, site) for match in each.matches) for each in site.domains}
    families = [spelling for family in FAMILIES for spelling in spellings((family,))]
    domains = [(_address(each, site), entries[each.name]) for each in site.domains]
    return rendered(
        "Caddyfile.j2",
        {
            "site": site,
            "variable": PROXY_SECRET_VARIABLE,
            "answered": ANSWERED,
            "domains": domains,
            "odd": _quoted(f"~^[^ ]+ {ODD_PATHS}(?:\\?.*)?$"),
            "separators": [_quoted(f"-*{each}*") for each in (_SEPARATORS if site.underscores else "_" + _SEPARATORS)],
            "families": families,
            "said": _said,
            "ways": _ways(site),
            "answers": {name: (refusal, body_of(refusal, _ID)) for name, refusal in OWN_ANSWERS.items()},
        },
    )


def _address(domain: Domain, site: Site) -> str:
    scheme = "https" if site.listener.tls else "http"
    return f"{scheme}://{'' if domain.name == '*' else domain.name}:{site.listen.port}"


def _first_of_each(entries: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Caddy takes no expression twice; the second would never count."""
    found: dict[str, str] = {}
    for source, target in entries:
        found.setdefault(source, target)
    return list(found.items())


def _entry(match: Match, site: Site) -> tuple[str, str]:
    """A line of the map: from ``METHOD /path?query`` to where a request goes."""
    methods = f"(?:{'|'.join(match.methods)})" if match.methods else "[^ ]+"
    source = _quoted(f"~^{methods} {match.path}(?:\\?.*)?$")
    if match.route is not None:
        return source, f"{'asked' if site.asks(match.route) else 'open'}:{match.route.upstream}:{match.route.id}"
    if match.status == 405:
        return source, f"405:{','.join(match.allow)}"
    return source, "404" if match.status else "client"


def _ways(site: Site) -> list[dict[str, Any]]:
    """Each group's way to each of its upstreams, asked about or not."""
    upstreams = {upstream.name: upstream for upstream in site.upstreams}
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for route in (match.route for domain in site.domains for match in domain.matches):
        if route is None:
            continue
        kind = "asked" if site.asks(route) else "open"
        found[kind, route.upstream, route.group] = {
            "start": f"{kind}:{route.upstream}:{route.group}/",
            "asked": kind == "asked",
            "strip": route.prefix.rstrip("/") if route.strip_prefix else "",
            "credentials": [name for name, groups in site.credentials.items() if route.group in groups],
            **_upstream(upstreams[route.upstream]),
        }
    return [{**way, "name": f"way_{number}"} for number, way in enumerate(found.values())]


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
