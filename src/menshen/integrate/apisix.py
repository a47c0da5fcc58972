"""Apache APISIX in standalone mode: routes matched by what the client wrote, and one global rule with a function."""

from __future__ import annotations

from typing import Final

from menshen.config.snapshot import Upstream
from menshen.integrate.matches import ODD_PATHS, apis_of, client_paths
from menshen.integrate.openresty import Json, entry_of, function_of, printed
from menshen.integrate.site import Domain, Site
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE

__all__ = ["apisix"]

_SECRET: Final = f'os.getenv("{PROXY_SECRET_VARIABLE}")'
_BEFORE: Final = """\
return function(_, ctx)
  -- Nothing of ours: a route that somebody else has written.
  if ctx.route_id == nil or tostring(ctx.route_id):sub(1, 8) ~= "menshen-" then return end
  before(ctx.route_id, function(target)
    if target ~= ngx.var.request_uri then ctx.var.upstream_uri = target end
  end)
end"""
_AFTER: Final = "return function() after() end"


def apisix(site: Site) -> str:
    """``apisix.yaml``; the secret is in APISIX's environment."""
    routes: list[Json] = []
    entries: dict[str, Json] = {}
    for domain in sorted(site.domains, key=lambda each: (each.name[:1] == "*", -len(each.name))):
        for route, entry in _routes(domain, site):
            route["id"] = f"menshen-{len(routes)}"
            entries[route["id"]] = entry
            routes.append(route)
    for number, route in enumerate(routes):
        route["priority"] = len(routes) - number
    rule = {
        "serverless-pre-function": {"phase": "rewrite", "functions": [function_of(site, entries, _SECRET, _BEFORE)]},
        "serverless-post-function": {"phase": "header_filter", "functions": [function_of(site, {}, _SECRET, _AFTER)]},
    }
    menshen: Json = {"id": "menshen", "type": "roundrobin", "nodes": {str(site.verify): 1}, "pass_host": "pass"}
    menshen |= {"timeout": {"connect": 1, "send": 45, "read": 45}, "retries": 0}
    objects = {
        "routes": routes,
        "upstreams": [menshen, *(_upstream(upstream) for upstream in site.upstreams)],
        "global_rules": [{"id": "menshen", "plugins": rule}],
    }
    return printed("apisix.yaml.j2", site, objects)


def _routes(domain: Domain, site: Site) -> list[tuple[Json, Json]]:
    """In the order in which they are to be tried."""
    client = client_paths(domain.matches)
    found: list[tuple[Json, Json]] = [(_route(domain, ODD_PATHS), {"refused": "malformed"})]
    if client:
        found.append((_route(domain, f"(?:{client})"), {"client": True}))
    for match in apis_of(domain.matches):
        to = f"menshen-to-{match.route.upstream}" if match.route is not None else "menshen"
        route = _route(domain, match.path, to)
        if match.methods:
            route["methods"] = list(match.methods)
        found.append((route, entry_of(match, site)))
    return [*found, (_route(domain, ""), {"refused": "no_such_route"})]


def _route(domain: Domain, path: str, upstream: str = "menshen") -> Json:
    route: Json = {"id": "", "uri": "/*", "upstream_id": upstream, "enable_websocket": True}
    if domain.name != "*":
        route["hosts"] = [domain.name]
    if path:
        # What the client wrote and the backend gets; "request_uri" is APISIX's own reading of it.
        route["vars"] = [["real_request_uri", "~~", f"^{path}(?:\\?.*)?$"]]
    return route


def _upstream(upstream: Upstream) -> Json:
    timeout = upstream.timeout or 3600
    found: Json = {
        "id": f"menshen-to-{upstream.name}",
        "type": "roundrobin",
        "nodes": {str(endpoint): 1 for endpoint in upstream.endpoints},
        "pass_host": "pass",
        "retries": 0,
        "timeout": {"connect": upstream.connect_timeout, "send": timeout, "read": timeout},
    }
    if upstream.tls is not None:
        # The name of the certificate is the host that is sent: APISIX knows one for both.
        found["scheme"], found["tls"] = "https", {"verify": True}
        found |= {"pass_host": "rewrite", "upstream_host": upstream.tls.server_name}
    return found
