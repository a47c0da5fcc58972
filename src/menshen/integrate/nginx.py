"""nginx: ``auth_request``, and its 403 turned back into what the brain said."""

from __future__ import annotations

import re
from typing import Any

from menshen.config.snapshot import Upstream
from menshen.gateway.forward_auth import numbered
from menshen.gateway.wire import HEADER_PROXY
from menshen.integrate.answers import OWN_ANSWERS, STATUSES, body_of
from menshen.integrate.matches import ODD_PATHS, PLAIN_PATHS, Match, by_segment
from menshen.integrate.rendering import rendered
from menshen.integrate.site import Domain, Site
from menshen.secret import Secret

__all__ = ["nginx", "nginx_secret"]

SECRET_FILE = "menshen-secret.conf"  # noqa: S105  (a file's name)


def nginx(site: Site) -> str:
    """For the ``http`` block; the secret is in a file beside it, which it includes."""
    domains = [(_server_name(each), _branches(each, site)) for each in site.domains]
    return rendered(
        "nginx.conf.j2",
        {
            "site": site,
            "secret_file": SECRET_FILE,
            "domains": domains,
            "even": _quoted(f"~^(?!{ODD_PATHS}$)"),
            "plain": _quoted(f"~^{PLAIN_PATHS}$"),
            "upstreams": [_upstream(upstream) for upstream in site.upstreams],
            "credentials": [_credential(name, groups, site) for name, groups in site.credentials.items()],
            "variable": _variable,
            "told_as": {name.decode(): of.decode() for name, of in numbered(_names(site)).items()},
            "answers": {
                name: (refusal, _single(body_of(refusal, "$request_id"))) for name, refusal in OWN_ANSWERS.items()
            },
            "statuses": STATUSES,
        },
    )


def nginx_secret(secret: Secret) -> str:
    """The file that the configuration includes."""
    return f'proxy_set_header {HEADER_PROXY} "{secret.reveal()}";\n'


def _server_name(domain: Domain) -> str:
    return "_" if domain.name == "*" else domain.name


def _branches(domain: Domain, site: Site) -> list[tuple[str, list[tuple[str, str]]]]:
    """Lines of a map for every first segment, that of the others last. nginx folds the case of a key, not of a line."""
    found = by_segment(domain.matches)
    return [
        (_quoted(f"/{segment}") if segment else "default", [_entry(match, site) for match in found[segment]])
        for segment in sorted(found, key=lambda segment: (not segment, segment))
    ]


def _entry(match: Match, site: Site) -> tuple[str, str]:
    """A line of the map: from ``METHOD /path`` to where a request goes."""
    methods = f"(?:{'|'.join(match.methods)})" if match.methods else r"\S+"
    source = _quoted(f"~^{methods} {match.path}$")
    if match.route is not None:
        kind = "asked" if site.asks(match.route) else "open"
        return source, f"{kind}/{match.route.upstream}/{match.route.id}"
    if match.status == 405:
        return source, f"405/{','.join(match.allow)}"
    return source, "404" if match.status else "client"


def _upstream(upstream: Upstream) -> dict[str, Any]:
    return {
        "name": upstream.name,
        "servers": [str(endpoint) for endpoint in upstream.endpoints],
        "tls": upstream.tls,
        "connect": _time(upstream.connect_timeout),
        "timeout": _time(upstream.timeout) if upstream.timeout else "1h",
    }


def _credential(name: str, groups: tuple[str, ...], site: Site) -> dict[str, Any]:
    everywhere = groups == site.groups
    return {
        "name": name,
        "everywhere": everywhere,
        "variable": f"menshen_sent_{_variable(name)}",
        "sent": f"http_{_variable(name)}",
        "groups": _quoted(f"~^(?:asked|open)/[^/]+/(?:{'|'.join(re.escape(group) for group in groups)})/"),
    }


def _names(site: Site) -> list[bytes]:
    return [name.encode() for name in site.identity]


def _variable(header: str) -> str:
    return header.lower().replace("-", "_")


def _time(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _single(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
