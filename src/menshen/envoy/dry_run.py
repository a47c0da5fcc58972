"""Where a request would go, and why, with no request sent: Envoy's own routes are asked, then the rules of the API.

It knows what Envoy knows before anybody is judged. Whether a login state is good, an address is allowed or a limit is
reached it does not say: it names who would judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from menshen.config.document import Document
from menshen.config.effective import effective_plugins
from menshen.config.loading import Loaded
from menshen.config.plugins.registry import kind_of
from menshen.config.route_rules import DEFAULT_VERSION
from menshen.config.snapshot import Endpoint, Route, Snapshot
from menshen.config.tag_values import tag_value
from menshen.documents.canary_choice import Choice, choose
from menshen.documents.way import Effective, Guard, Nowhere, Question, Told, Way
from menshen.envoy.client_api import OWN_ROUTE
from menshen.envoy.forwarded import forwarded_target
from menshen.envoy.lifted_tags import lifted_tags
from menshen.envoy.normal_path import normal_target
from menshen.envoy.rewrites import PATH_BLOCKED
from menshen.envoy.route_table import Found, find_entry
from menshen.envoy.routes import covers, route_configuration
from menshen.envoy.states import judged_alone, providers_of
from menshen.envoy.tags import tags_of
from menshen.envoy.typed import Json
from menshen.errors import MalformedRequest, MethodNotAllowed, NoSuchRoute, PathBlocked, Refusal

__all__ = ["dry_run", "find_way"]


def find_way(loaded: Loaded, question: Question) -> Way | Nowhere:
    """The same of a document that was read."""
    return dry_run(loaded.document, loaded.snapshot, question)


def dry_run(document: Document, snapshot: Snapshot, question: Question) -> Way | Nowhere:
    """``document`` is what ``snapshot`` was compiled from."""
    target = normal_target(question.path)
    if target is None:
        return Nowhere("", question.host, "", MalformedRequest)
    headers = {":path": target, ":method": question.method, ":authority": question.host}
    found = find_entry(route_configuration(snapshot), headers)
    routes = {route.id: route for route in snapshot.routes}
    route = routes.get(found.entry.get("name", "")) if found is not None else None
    if found is None or route is None or "route" not in found.entry:
        return _nowhere(snapshot, question, target, found)
    backend_path = forwarded_target(found.entry, target)
    if backend_path is None:
        return Nowhere(target, found.domain, found.prefix, MalformedRequest, api=route.id)
    return _way(document, snapshot, question, target, found, route, backend_path)


def _nowhere(snapshot: Snapshot, question: Question, target: str, found: Found | None) -> Nowhere:
    if found is None:
        return Nowhere(target, question.host, "", NoSuchRoute)
    name = found.entry.get("name", "")
    if name.startswith(OWN_ROUTE):
        return Nowhere(target, found.domain, found.prefix, None)
    if name.startswith(PATH_BLOCKED):
        return Nowhere(target, found.domain, found.prefix, PathBlocked, api=name.removeprefix(f"{PATH_BLOCKED}/"))
    refusals: dict[int, type[Refusal]] = {400: MalformedRequest, 404: NoSuchRoute, 405: MethodNotAllowed}
    here = dict.fromkeys(
        route.group
        for route in snapshot.routes
        if route.prefix.rstrip("/") == found.prefix and any(covers(host, found.domain) for host in route.hosts)
    )
    return Nowhere(
        target,
        found.domain,
        found.prefix,
        refusals[found.entry["direct_response"]["status"]],
        groups=tuple(here),
        allow=tuple(_allowed(found.entry)),
    )


def _allowed(entry: Json) -> Iterator[str]:
    for added in entry.get("response_headers_to_add", ()):
        if added["header"]["key"] == "allow":
            yield from added["header"]["value"].split(", ")


def _way(
    document: Document,
    snapshot: Snapshot,
    question: Question,
    target: str,
    found: Found,
    route: Route,
    backend_path: str,
) -> Way:
    known = dict(tags_of(route))
    said = {tag: value for tag, value in question.tags.items() if tag in known or route.custom}
    # A tag that is too long to be one is none.
    values = {
        **lifted_tags(route, target, question.headers),
        **{tag: value if tag_value(value) else "" for tag, value in said.items()},
    }
    user = question.user if route.login is not None else ""
    choice = choose(route.canary, values, user, question.request_id)
    return Way(
        path=target,
        host=found.domain,
        route=route,
        guards=tuple(_guards(route, snapshot)),
        plugins=tuple(_effective(document, route)),
        tags=tuple(Told(tag, values.get(tag, ""), known.get(tag, False)) for tag in dict.fromkeys((*known, *said))),
        ignored=tuple(tag for tag in question.tags if tag not in said),
        user=user,
        choice=choice,
        endpoints=_endpoints(snapshot, route, choice),
        backend_path=backend_path,
    )


def _guards(route: Route, snapshot: Snapshot) -> Iterator[Guard]:
    """In the order in which they are asked."""
    yield from (Guard(rules.plugin, "IpAccess", "envoy") for rules in route.ip_access)
    if route.jwt is not None:
        yield Guard(route.jwt.plugin, "Jwt", "envoy")
    login = route.login
    # Any keys will do: only whether there are some makes a difference to who judges.
    alone = login is not None and judged_alone(route) and login.name in providers_of(snapshot, "{}")
    if login is not None and alone:
        yield Guard(login.name, login.type, "envoy")
    if route.key_pair is not None:
        yield Guard(route.key_pair.plugin, "KeyPair", "brain")
    if route.oauth is not None:
        yield Guard(route.oauth.plugin, "OAuth", "brain")
    if login is not None and not alone:
        yield Guard(login.name, login.type, "brain")
    yield from (Guard(rules.plugin, rules.type, "brain") for rules in route.custom)


def _effective(document: Document, route: Route) -> Iterator[Effective]:
    types = {plugin.name: plugin.type for plugin in document.plugins}
    kinds = {plugin.name: kind_of(plugin) for plugin in document.plugins}
    for bound in effective_plugins(document.bindings, kinds).on(route.group, route.api):
        yield Effective(bound.plugin, types[bound.plugin], bound.target)


def _endpoints(snapshot: Snapshot, route: Route, choice: Choice) -> dict[str, tuple[Endpoint, ...]]:
    (upstream,) = [each for each in snapshot.upstreams if each.name == route.upstream]
    every = {DEFAULT_VERSION: upstream.endpoints, **{each.name: each.endpoints for each in upstream.versions}}
    wanted: Iterable[str] = [choice.version] if choice.version else (version for version, _, _ in choice.spans)
    return {version: every[version] for version in wanted}
