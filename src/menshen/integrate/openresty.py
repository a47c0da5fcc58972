"""APISIX and Kong: the same Lua, in their plugins for functions of one's own.

APISIX's ``forward-auth`` gives a client nothing of an answer that lets a request pass; Kong's open edition has no
plugin that asks. Both run Lua in nginx, which can do all of it. Which route it is stays the gateway's to find: it hands
the function the id of what it has matched.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

import yaml

from menshen.integrate.answers import OWN_ANSWERS, body_of
from menshen.integrate.matches import ODD_PATHS, Match
from menshen.integrate.rendering import rendered
from menshen.integrate.site import Site
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE

__all__ = ["ANY_METHOD", "Json", "entry_of", "function_of", "lua", "printed"]

Json = dict[str, Any]

ANY_METHOD: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
"""Where a route must name its methods: another one finds no route."""


def entry_of(match: Match, site: Site) -> Json:
    """What the function does with a request that was matched so."""
    route = match.route
    if route is not None:
        stops = [name for name, groups in site.credentials.items() if route.group in groups]
        return {"route": route.id, "asked": site.asks(route), "stops": stops}
    if match.status == 405:
        return {"refused": "method_not_allowed", "allow": ", ".join(match.allow)}
    return {"refused": "no_such_route"} if match.status else {"client": True}


def function_of(site: Site, entries: dict[str, Json], secret: str, last: str) -> str:
    """Lua that ends in ``last``, which returns ``before`` or ``after``. ``secret`` is an expression."""
    code = (files("menshen.integrate") / "templates" / "openresty.lua").read_text(encoding="utf-8")
    values = {
        "at": lua(entries),
        "even": f"^(?!{ODD_PATHS}(?:\\?.*)?$)",
        "forbidden": f"^{site.pattern}$",
        "identity": lua(list(site.identity)),
        "returned": lua(list(site.returned)),
        "answers": lua({name: _answer(name) for name in OWN_ANSWERS}),
        "secret": secret,
        "shape": site.shape,
        "verify": str(site.verify),
    }
    for name, text in values.items():
        code = code.replace(f"@{name}@", text)
    return f"{code}\n{last}\n"


def printed(template: str, site: Site, objects: Json) -> str:
    """The configuration of these objects, in the template's text around it."""
    values = {
        "site": site,
        "variable": PROXY_SECRET_VARIABLE,
        "authorities": [u.tls.ca for u in site.upstreams if u.tls is not None and u.tls.ca],
        "transform": any("_" in name for name in site.returned),
        "configuration": yaml.safe_dump(objects, sort_keys=False, width=10000, allow_unicode=True).strip(),
    }
    return rendered(template, values)


def _answer(name: str) -> Json:
    refusal = OWN_ANSWERS[name]
    before, after = body_of(refusal, "\0").split("\\u0000")
    return {"status": refusal.status, "code": refusal.code, "before": before, "after": after}


def lua(value: object) -> str:
    """As a Lua expression. Texts are names of ours and JSON: no line break is in them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{lua(key)}] = {lua(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(lua(each) for each in value) + "}"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
