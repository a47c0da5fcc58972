"""Plugin types that do as their parameters say, right and wrong. Copied beside a gateway under test."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel

from menshen.gateway.plugins import EnvoyMessage, Pass, PluginRequest, PluginRoute, Refuse

_FILTERS = "envoy.extensions.filters.http"
_MUTATION = f"{_FILTERS}.header_mutation.v3"


class Probe:
    """Tells the backend what it was shown, or does one of many things that a plugin must not do."""

    class Parameters(BaseModel):
        does: Literal[
            "tell", "nothing", "refuse", "raise", "exit", "undeclared", "break", "chinese", "text", "later", "sleep"
        ] = "tell"
        says: str = ""
        sign: str = ""

    headers = ("x-menshen-plugin-probe", "x-probe")
    tags = ("probe",)
    reads = ("x-wanted",)
    cookies = ("wanted",)

    def decide(self, parameters: Parameters, request: PluginRequest) -> Any:
        match parameters.does:
            case "tell":
                told = json.dumps({**asdict(request), "sign": parameters.sign})
                return Pass({"x-menshen-plugin-probe": told, "x-probe": "probed"}, {"probe": "a b;c=d"})
            case "nothing":
                return Pass()
            case "refuse":
                return Refuse(parameters.says, "said for the log")
            case "raise":
                raise RuntimeError("planted-secret of a plugin")
            case "exit":
                sys.exit("planted-secret of a plugin")
            case "undeclared":
                return Pass({"x-menshen-user": "planted-secret"})
            case "break":
                return Pass({"x-probe": "a\r\nx-menshen-user: planted-secret"})
            case "chinese":
                return Pass({"x-probe": "会员"})
            case "text":
                return "planted-secret"
            case "later":
                return self._later()
            case "sleep":
                time.sleep(1.1)
                return Pass()

    async def _later(self) -> Pass:
        return Pass()


class Noted:
    """Has Envoy write headers: one for the backend, one for the client."""

    class Parameters(BaseModel):
        note: str
        names: str = "x-menshen-plugin-note"

    headers = ("x-menshen-plugin-note",)
    response_headers = ("x-note",)
    envoy_filter = EnvoyMessage(f"{_MUTATION}.HeaderMutation")

    def decide(self, _: Parameters, __: PluginRequest) -> Pass:
        return Pass()

    def envoy(self, parameters: Parameters, route: PluginRoute) -> EnvoyMessage:
        if parameters.note == "raise":
            raise RuntimeError("planted-secret of a plugin")
        mutations = {
            "request_mutations": [_written(parameters.names, parameters.note)],
            "response_mutations": [_written("x-note", f"on {route.id}")],
        }
        return EnvoyMessage(f"{_MUTATION}.HeaderMutationPerRoute", {"mutations": mutations})


class SameOrigin:
    """Has Envoy refuse what pages of other origins send."""

    class Parameters(BaseModel):
        pass

    envoy_filter = EnvoyMessage(f"{_FILTERS}.csrf.v3.CsrfPolicy", {"filter_enabled": {"default_value": {}}})

    def decide(self, _: Parameters, __: PluginRequest) -> Pass:
        return Pass()

    def envoy(self, _: Parameters, __: PluginRoute) -> EnvoyMessage:
        always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
        return EnvoyMessage(f"{_FILTERS}.csrf.v3.CsrfPolicy", {"filter_enabled": always})


class Slowed:
    """Has Envoy let so many KiB of a body through in a second."""

    class Parameters(BaseModel):
        kib: int

    envoy_filter = EnvoyMessage(f"{_FILTERS}.bandwidth_limit.v3.BandwidthLimit", {"stat_prefix": "slowed"})

    def decide(self, _: Parameters, __: PluginRequest) -> Pass:
        return Pass()

    def envoy(self, parameters: Parameters, _: PluginRoute) -> EnvoyMessage:
        fields = {"stat_prefix": "slowed", "enable_mode": "REQUEST", "limit_kbps": parameters.kib}
        return EnvoyMessage(f"{_FILTERS}.bandwidth_limit.v3.BandwidthLimit", fields)


def _written(name: str, value: str) -> dict[str, Any]:
    return {"append": {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


class Mistaken(SameOrigin):
    """Makes a message with a value that Envoy does not take."""

    def envoy(self, _: SameOrigin.Parameters, __: PluginRoute) -> EnvoyMessage:
        return EnvoyMessage(f"{_FILTERS}.csrf.v3.CsrfPolicy", {"filter_enabled": "always"})


class Unfinished:
    """Has no model of its parameters."""

    def decide(self, _: object, __: object) -> Pass:
        return Pass()
