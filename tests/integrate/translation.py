"""The objects that are printed for Envoy Gateway as one Envoy's configuration, put together as Envoy Gateway does it.

What is taken from its translator (1.9): the settings of the connection manager, early header mutation that sets before
it removes, one ext_authz filter for each policy, off but where its route turns it on, Lua behind, routes by the length
of their expressions, the runtime of its bootstrap.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

__all__ = ["bootstrap"]

Json = dict[str, Any]

_HTTP = "type.googleapis.com/envoy.extensions.filters.http"
_NETWORK = "type.googleapis.com/envoy.extensions.filters.network"


def bootstrap(printed: str, host: str, port: int) -> Json:
    """Of all objects in the text, listening there."""
    objects = [each for each in yaml.safe_load_all(printed) if each]
    kinds = {kind: [each for each in objects if each["kind"] == kind] for kind in {each["kind"] for each in objects}}
    policies = kinds.get("SecurityPolicy", [])
    (traffic,) = kinds["ClientTrafficPolicy"]
    (extension,) = kinds["EnvoyExtensionPolicy"]
    lua = extension["spec"]["lua"][0]["inline"]
    asking = {(p["spec"]["targetRefs"][0]["name"], p["spec"]["targetRefs"][0]["sectionName"]): p for p in policies}
    assert len(asking) == len(policies)
    rewrites = {
        each["metadata"]["name"]: each["spec"]["urlRewrite"]["path"]["replaceRegexMatch"]
        for each in kinds.get("HTTPRouteFilter", [])
    }
    filters = [
        *(_disabled(f"ext_authz/{p['metadata']['name']}", _ext_authz(p["spec"]["extAuth"])) for p in policies),
        _disabled("lua", {"@type": f"{_HTTP}.lua.v3.Lua", "default_source_code": {"inline_string": lua}}),
        {"name": "router", "typed_config": {"@type": f"{_HTTP}.router.v3.Router"}},
    ]
    manager = {
        "@type": f"{_NETWORK}.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "menshen",
        "route_config": {"name": "menshen", "virtual_hosts": _virtual_hosts(kinds["HTTPRoute"], asking, rewrites)},
        "server_header_transformation": "PASS_THROUGH",
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": not traffic["spec"]["path"]["disableMergeSlashes"],
        "path_with_escaped_slashes_action": {"RejectRequest": "REJECT_REQUEST"}[
            traffic["spec"]["path"]["escapedSlashesAction"]
        ],
        "common_http_protocol_options": {
            "headers_with_underscores_action": {"Allow": "ALLOW", "DropHeader": "DROP_HEADER"}[
                traffic["spec"]["headers"]["withUnderscoresAction"]
            ]
        },
        "early_header_mutation_extensions": [_early(traffic["spec"]["headers"]["earlyRequestHeaders"])],
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http_filters": filters,
    }
    listener = {
        "name": "menshen",
        "address": _address(host, port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    clusters = [_cluster(each) for each in kinds["Backend"]]
    runtime = {"re2.max_program_size.error_level": 4294967295, "re2.max_program_size.warn_level": 1000}
    return {
        "static_resources": {"listeners": [listener], "clusters": clusters},
        "layered_runtime": {"layers": [{"name": "global_config", "static_layer": runtime}]},
    }


def _early(headers: Json) -> Json:
    mutations: list[Json] = [
        {
            "append": {
                "header": {"key": each["name"], "value": each["value"]},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        }
        for each in headers["set"]
    ]
    for each in headers["removeOnMatch"]:
        assert len(each["value"]) <= 1024
        mutations.append({"remove_on_match": {"key_matcher": {"safe_regex": {"regex": each["value"]}}}})
    config = {
        "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        "mutations": mutations,
    }
    return {"name": "early", "typed_config": config}


def _ext_authz(spec: Json) -> Json:
    patience = {"timeout": spec["timeout"]}
    server = {"uri": "http://menshen", "cluster": spec["http"]["backendRefs"][0]["name"], **patience}
    return {
        "@type": f"{_HTTP}.ext_authz.v3.ExtAuthz",
        "failure_mode_allow": spec["failOpen"],
        "status_on_error": {"code": spec["statusOnError"]},
        "allowed_headers": _exact(spec["headersToExtAuth"]),
        "http_service": {
            "server_uri": server,
            "path_prefix": spec["http"]["path"],
            "authorization_response": {"allowed_upstream_headers": _exact(spec["http"]["headersToBackend"])},
        },
    }


def _exact(names: Iterable[str]) -> Json:
    return {"patterns": [{"exact": name, "ignore_case": True} for name in names]}


def _disabled(name: str, config: Json) -> Json:
    return {"name": name, "disabled": True, "typed_config": config}


def _virtual_hosts(routes: list[Json], asking: dict[tuple[str, str], Json], rewrites: Json) -> list[Json]:
    domains: dict[str, list[Json]] = {}
    for route in routes:
        assert len(route["spec"]["rules"]) <= 16
        for host in route["spec"].get("hostnames", ["*"]):
            for rule in route["spec"]["rules"]:
                policy = asking.get((route["metadata"]["name"], rule["name"]))
                domains.setdefault(host, []).extend(_entries(rule, policy, rewrites))
    return [
        {
            "name": host,
            "domains": [host],
            "routes": sorted(entries, key=lambda each: -len(each["match"]["safe_regex"]["regex"])),
        }
        for host, entries in domains.items()
    ]


def _entries(rule: Json, policy: Json | None, rewrites: Json) -> list[Json]:
    action: Json = {"cluster": rule["backendRefs"][0]["name"], "upgrade_configs": [{"upgrade_type": "websocket"}]}
    action["timeout"] = rule.get("timeouts", {}).get("request", "0s")
    entry: Json = {"route": action, "typed_per_filter_config": {"lua": _on()}}
    if policy is not None:
        entry["typed_per_filter_config"][f"ext_authz/{policy['metadata']['name']}"] = _on()
    for each in rule.get("filters", []):
        if each["type"] == "RequestHeaderModifier":
            entry["request_headers_to_remove"] = each["requestHeaderModifier"]["remove"]
        elif each["type"] == "ExtensionRef":
            rewrite = rewrites[each["extensionRef"]["name"]]
            action["regex_rewrite"] = {
                "pattern": {"regex": rewrite["pattern"]},
                "substitution": rewrite["substitution"],
            }
        else:
            full = each["urlRewrite"]["path"]["replaceFullPath"]
            action["regex_rewrite"] = {"pattern": {"regex": "^/.*$"}, "substitution": full}
    found = []
    for match in rule["matches"]:
        assert len(match["path"]["value"]) <= 1024
        by_method = {"name": ":method", "string_match": {"exact": match["method"]}} if "method" in match else None
        found.append(
            {
                "match": {
                    "safe_regex": {"regex": match["path"]["value"]},
                    **({"headers": [by_method]} if by_method else {}),
                },
                **entry,
            }
        )
    return found


def _on() -> Json:
    return {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}}


def _cluster(backend: Json) -> Json:
    addresses = [each.get("ip") or each["fqdn"] for each in backend["spec"]["endpoints"]]
    endpoints = [
        {"endpoint": {"address": _address(each.get("address") or each["hostname"], each["port"])}} for each in addresses
    ]
    return {
        "name": backend["metadata"]["name"],
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": backend["metadata"]["name"], "endpoints": [{"lb_endpoints": endpoints}]},
    }


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}
