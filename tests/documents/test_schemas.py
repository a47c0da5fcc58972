"""Schemas say what the models say, of plugin types of the installation too."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from menshen.config.plugins.registry import PARTS
from menshen.documents.parts import KINDS, SECTIONS
from menshen.documents.schemas import PluginType, part_schemas, plugin_types
from menshen.platforms.registry import PLATFORM_OF_PLUGIN
from tests.gateway.plugin_types import Level, types_of


def types(**made: Any) -> dict[str, PluginType]:
    return {each.type: each for each in plugin_types(types_of(**made))}


def test_every_part_has_a_schema_whose_references_lead_somewhere() -> None:
    schemas = part_schemas()
    assert schemas.keys() == {*KINDS, *SECTIONS, "apis", "bindings", "document"}
    for schema in schemas.values():
        assert schema["$ref"].removeprefix("#/components/schemas/") in schema["$defs"]
    app = schemas["apps"]["$defs"]["ConfigApp"]
    assert app["required"] == ["name", "platform", "appid"]
    assert app["properties"]["secret"]["anyOf"][0]["format"] == "password"
    assert app["properties"]["name"]["pattern"].startswith("^[a-z0-9]")


def test_types_are_of_platforms_of_our_own_and_of_the_installation() -> None:
    found = types(Level=Level)
    assert list(found) == [*PLATFORM_OF_PLUGIN, *PARTS, "Level"]
    assert {found[name].kind for name in PARTS} == {"own"}
    level = found["Level"]
    assert (level.kind, level.packages, level.broken) == ("custom", ("package-of-Level 1",), "")
    assert level.schema["properties"]["type"] == {"const": "Level", "type": "string"}
    assert level.schema["properties"]["parameters"]["properties"]["level"]["type"] == "integer"


def test_a_type_that_is_broken_or_has_no_schema_says_so_without_a_word_of_its_own() -> None:
    class Odd(BaseModel):
        x: int = 1

        @classmethod
        def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> Any:
            raise RuntimeError("planted-secret of a schema")

    found = types(Broken=object(), Odd=type("Odd", (Level,), {"Parameters": Odd}))
    assert found["Broken"].broken == "Parameters is no pydantic model"
    assert found["Odd"].broken.startswith("its Parameters have no schema: RuntimeError at ")
    assert "planted" not in found["Odd"].broken
    assert "parameters" in found["Odd"].schema["properties"]
