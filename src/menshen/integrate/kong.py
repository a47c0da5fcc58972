"""Kong Gateway without a database: routes as it matches them, and one ``pre-function`` for all of them.

Kong brings a path into one spelling before it looks for a route. The function refuses every path that has another, so
what was matched is what the client wrote. Of routes that fit, Kong takes the one with more kinds of conditions before
it looks at their order: each route here has the same kinds.
"""

from __future__ import annotations

import re
from typing import Final

from menshen.config.snapshot import Upstream
from menshen.integrate.matches import apis_of
from menshen.integrate.openresty import ANY_METHOD, Json, entry_of, function_of, printed
from menshen.integrate.site import Domain, Site
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE

__all__ = ["kong"]

_SECRET: Final = 'kong.vault.get("{vault://env/' + PROXY_SECRET_VARIABLE.lower().replace("_", "-") + '}")'
_BEFORE: Final = """\
local route = kong.router.get_route()
if route == nil or route.name == nil or route.name:sub(1, 8) ~= "menshen-" then return end
before(route.name, function(target)
  if target == ngx.var.request_uri then return end
  local path, query = target:match("^([^?]*)%??(.*)$")
  kong.service.request.set_path(path)
  kong.service.request.set_raw_query(query)
end)"""


def kong(site: Site) -> str:
    """``kong.yaml``, with the secret in Kong's environment."""
    services: dict[str, Json] = {"menshen": _service("menshen", str(site.verify.host), site.verify.port)}
    services["menshen"] |= {"connect_timeout": 1000, "read_timeout": 45000, "write_timeout": 45000}
    services |= {upstream.name: _to(upstream) for upstream in site.upstreams}
    entries: dict[str, Json] = {}
    routes = [each for domain in sorted(site.domains, key=_length) for each in _routes(domain, site)]
    encrypted = {upstream.name for upstream in site.upstreams if upstream.tls is not None}
    for number, (upstream, route, entry) in enumerate(routes):
        if upstream in encrypted:
            route["preserve_host"] = (
                False  # the name of the certificate is the host that is sent: Kong knows one for both
            )
        route |= {"name": f"menshen-{number}", "regex_priority": len(routes) - number}
        entries[route["name"]] = entry
        services[upstream]["routes"].append(route)
    config = {
        "access": [function_of(site, entries, _SECRET, _BEFORE)],
        "header_filter": [function_of(site, {}, _SECRET, "after()")],
    }
    objects = {
        "_format_version": "3.0",
        "services": list(services.values()),
        "upstreams": [_balanced(upstream) for upstream in site.upstreams],
        "plugins": [{"name": "pre-function", "config": config}],
    }
    return printed("kong.yaml.j2", site, objects)


def _length(domain: Domain) -> int:
    """Of two wildcards the longer one first; all else about hosts is Kong's own order."""
    return -len(domain.name)


def _routes(domain: Domain, site: Site) -> list[tuple[str, Json, Json]]:
    """Service, route and what the function does there, in the order in which they are to be tried."""
    apis = apis_of(domain.matches)
    client = [_path(match.path) for match in domain.matches if match.route is None and not match.status]
    found = [("menshen", _route(domain, client), {"client": True})] if client else []
    for match in apis:
        to = match.route.upstream if match.route is not None else "menshen"
        found.append((to, _route(domain, [_path(match.path)], match.methods), entry_of(match, site)))
    return [*found, ("menshen", _route(domain, ["~/.*"]), {"refused": "no_such_route"})]


def _route(domain: Domain, paths: list[str], methods: tuple[str, ...] = ()) -> Json:
    hosts = {"hosts": [domain.name]} if domain.name != "*" else {}
    return {
        **hosts,
        "paths": paths,
        "methods": list(methods or ANY_METHOD),
        "strip_path": False,
        "preserve_host": True,
        "protocols": ["http", "https"],
    }


def _path(expression: str) -> str:
    """Kong wants "~/" at the beginning of an expression, and its language escapes fewer characters."""
    inner = re.sub(r"^\(\?:(/.*)\)$", r"\1", expression)
    return "~" + re.sub(r"\\([-~&#])", r"\1", inner) + "$"


def _service(name: str, host: str, port: int) -> Json:
    return {"name": name, "protocol": "http", "host": host, "port": port, "retries": 0, "routes": []}


def _to(upstream: Upstream) -> Json:
    timeout = round(upstream.timeout * 1000) or 3600000
    service = _service(f"menshen-to-{upstream.name}", f"menshen-to-{upstream.name}", upstream.endpoints[0].port)
    times = {"connect_timeout": round(upstream.connect_timeout * 1000), "read_timeout": timeout}
    service |= {**times, "write_timeout": timeout}
    if upstream.tls is not None:
        service |= {"protocol": "https", "tls_verify": True}
    return service


def _balanced(upstream: Upstream) -> Json:
    targets = [{"target": str(endpoint), "weight": 100} for endpoint in upstream.endpoints]
    host = {"host_header": upstream.tls.server_name} if upstream.tls is not None else {}
    return {"name": f"menshen-to-{upstream.name}", **host, "targets": targets}
