"""What is printed for APISIX and for Kong, run by nginx and its Lua module: neither gateway is a package of Debian's.

nginx runs the printed function as it is. What stands around it is what each gateway does by its source: which of the
printed routes a request finds, what it calls the function with, and where it sends what the function lets pass.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from menshen.integrate.openresty import lua
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE
from tests.nginx import nginx_command

__all__ = ["MODULES", "nginx_with_lua"]

Json = dict[str, Any]

MODULES = (Path("/usr/lib/nginx/modules/ndk_http_module.so"), Path("/usr/lib/nginx/modules/ngx_http_lua_module.so"))

_HTTP = """\
    lua_package_path "{library}/?.lua;;";
    lua_transform_underscores_in_response_headers off;
    underscores_in_headers on;
    large_client_header_buffers 8 16k;
    proxy_buffer_size 32k;
    proxy_buffers 8 32k;
    proxy_busy_buffers_size 64k;
    map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
    server {{
        listen {listen};
        location / {{
            set $upstream_uri "";
            set $to "";
            access_by_lua_file {directory}/access.lua;
            header_filter_by_lua_file {directory}/header_filter.lua;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_connect_timeout 1s;
            proxy_read_timeout 3s;
            proxy_pass http://$to$upstream_uri;
        }}
    }}
"""

_ROUTES = """\
local routes = {routes}

local function fits(host, wanted)
  if wanted:sub(1, 1) == "*" then return host:sub(-#wanted + 1) == wanted:sub(2) end
  return host == wanted
end

local function found(path)
  local host, method = (ngx.var.http_host or ""):lower():gsub(":%d+$", ""), ngx.req.get_method()
  for _, route in ipairs(routes) do
    local here = route.host == nil or fits(host, route.host)
    local so = #route.methods == 0
    for _, each in ipairs(route.methods) do so = so or each == method end
    if here and so then
      for _, expression in ipairs(route.paths) do
        if ngx.re.find(path, expression, "jos") then return route end
      end
    end
  end
end
"""

_APISIX = """\
local route = found(ngx.var.request_uri)
if route == nil then return ngx.exit(404) end
ngx.var.to = route.to
local ctx = {{ route_id = route.id, var = setmetatable({{}}, {{ __newindex = function(_, k, v) ngx.var[k] = v end }}) }}
return assert(loadstring({code}))()(nil, ctx)
"""

_KONG = """\
-- Kong looks for a route by the path in its one spelling.
local path = ngx.var.uri
local route = found(path)
if route == nil then return ngx.exit(404) end
ngx.var.to = route.to
local path, query = ngx.var.request_uri:match("^([^?]*)(.*)$")
local request = {{
  set_path = function(new) path = new ngx.var.upstream_uri = path .. query end,
  set_raw_query = function(new) query = new ~= "" and "?" .. new or "" ngx.var.upstream_uri = path .. query end,
}}
kong = {{
  router = {{ get_route = function() return {{ name = route.id }} end }},
  service = {{ request = request }},
  vault = {{
    get = function(reference)
      local name = reference:match("^{{vault://env/(.*)}}$")
      return os.getenv((name:upper():gsub("-", "_")))
    end,
  }},
}}
return assert(loadstring({code}))()
"""


def nginx_with_lua(proxy: str, printed: str, listen: str, directory: Path) -> list[str]:
    """Write all files; the command that runs them."""
    printed_objects = yaml.safe_load(printed)
    routes, access, after = (_apisix if proxy == "apisix" else _kong)(printed_objects)
    text = _ROUTES.format(routes=lua(routes)) if routes else ""
    (directory / "access.lua").write_text(
        text + (_APISIX if proxy == "apisix" else _KONG).format(code=_quoted(access)), encoding="utf-8"
    )
    call = f"return assert(loadstring({_quoted(after)}))(){'()' if proxy == 'apisix' else ''}\n"
    (directory / "header_filter.lua").write_text(call, encoding="utf-8")
    modules = "\n".join(f"load_module {module};" for module in MODULES)
    http = _HTTP.format(directory=directory, library=Path(__file__).parent, listen=listen)
    return nginx_command(directory, http, main=f"{modules}\nenv {PROXY_SECRET_VARIABLE};")


def _apisix(objects: Json) -> tuple[list[Json], str, str]:
    nodes = {each["id"]: next(iter(each["nodes"])) for each in objects["upstreams"]}
    routes = [
        {
            "id": route["id"],
            "to": nodes[route["upstream_id"]],
            "methods": route.get("methods", []),
            "paths": [expression for _, _, expression in route.get("vars", [["", "~~", "^/"]])],
            **({"host": route["hosts"][0]} if "hosts" in route else {}),
        }
        for route in sorted(objects["routes"], key=lambda each: -each["priority"])
    ]
    plugins = objects["global_rules"][0]["plugins"]
    before, after = plugins["serverless-pre-function"], plugins["serverless-post-function"]
    assert (before["phase"], after["phase"]) == ("rewrite", "header_filter")
    return routes, before["functions"][0], after["functions"][0]


def _kong(objects: Json) -> tuple[list[Json], str, str]:
    targets = {each["name"]: each["targets"][0]["target"] for each in objects["upstreams"]}
    routes = []
    for service in objects["services"]:
        to = targets.get(service["host"], f"{service['host']}:{service['port']}")
        for route in service["routes"]:
            assert all(path.startswith("~/") for path in route["paths"])
            # More kinds of conditions first, hosts without a "*" before others, then by order.
            host = route.get("hosts", [""])[0]
            weight = (bool(host), not host.startswith("*"), route["regex_priority"])
            found = {
                "id": route["name"],
                "to": to,
                "methods": route["methods"],
                "paths": [f"^{path[1:]}" for path in route["paths"]],
                **({"host": host} if host else {}),
            }
            routes.append((weight, found))
    config = objects["plugins"][0]["config"]
    ordered = [found for _, found in sorted(routes, key=lambda each: each[0], reverse=True)]
    return ordered, config["access"][0], config["header_filter"][0]


def _quoted(code: str) -> str:
    return f"[=====[\n{code}]=====]"
