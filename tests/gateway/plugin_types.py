"""Plugin types for tests, and entry points that name them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, field_validator

from menshen.gateway.plugin_loading import InstalledTypes
from menshen.gateway.plugins import EnvoyMessage, Pass, PluginRequest, PluginRoute, Refuse, parameter_error

MUTATION = "envoy.extensions.filters.http.header_mutation.v3"


class Level:
    """Whoever asks must have a header ``x-level``; backends hear of it."""

    class Parameters(BaseModel):
        level: int = 1
        names: tuple[str, ...] = ()
        word: str = "word"

        @field_validator("word")
        @classmethod
        def _word(cls, word: str) -> str:
            if word == "bad":
                raise parameter_error("must be another word", "必须换一个词")
            if word == "breaks":
                raise RuntimeError("planted-secret of a validator")
            return word

    headers = ("x-menshen-plugin-level", "x-free")
    tags = ("level",)
    reads = ("x-level",)
    cookies = ("crumb",)

    def decide(self, parameters: Parameters, request: PluginRequest) -> Pass | Refuse:
        if "x-level" not in request.headers:
            return Refuse("no level")
        return Pass({"x-free": str(parameters.level)}, {"level": request.headers["x-level"]})


class Noted(Level):
    envoy_filter = EnvoyMessage(f"{MUTATION}.HeaderMutation")
    response_headers = ("x-note",)

    def envoy(self, parameters: Level.Parameters, route: PluginRoute) -> EnvoyMessage | None:
        if parameters.word == "none":
            return None
        if parameters.word == "raise":
            raise RuntimeError("planted-secret of a compile step")
        header = {"key": "x-note", "value": f"{parameters.word} {route.path}"}
        append = {"header": header, "append_action": "ADD_IF_ABSENT"}
        return EnvoyMessage(
            f"{MUTATION}.HeaderMutationPerRoute", {"mutations": {"response_mutations": [{"append": append}]}}
        )


class Answers:
    """Whatever a test has it answer."""

    class Parameters(BaseModel):
        pass

    headers = ("x-free",)
    tags = ("free",)

    def __init__(self, decide: Callable[[Any, PluginRequest], Any]) -> None:
        self.decide = decide


@dataclass
class Point:
    """An entry point that gives an object, or raises one."""

    name: str
    made: Any
    dist: Any = None

    def load(self) -> Any:
        if isinstance(self.made, BaseException):
            raise self.made
        return self.made


@dataclass
class Package:
    name: str
    version: str = "1"


def types_of(**objects: Any) -> InstalledTypes:
    """Types by their names, as if each had come from a package of its own."""
    return InstalledTypes(lambda: [Point(name, made, Package(f"package-of-{name}")) for name, made in objects.items()])  # type: ignore[misc]
