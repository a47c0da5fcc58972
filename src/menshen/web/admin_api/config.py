"""The document over HTTP, on the admin address: the whole of it, its parts, and what is bound to what.

Reading needs ``config:read``, changing ``config:write``. Secrets are written and never read. A caller that may not make
operators (``operators:write``) may not lend values of the node's environment either: it writes no new ``${NAME}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

import msgspec

from menshen.config.yamltext import MAX_BYTES, dump_document
from menshen.documents.changes import Change
from menshen.documents.configuration import ANY, Changed, Configuration, Shown
from menshen.documents.editing import (
    Edit,
    bind,
    create,
    delete,
    delete_section,
    rebind,
    replace,
    replace_document,
    replace_section,
    unbind,
)
from menshen.documents.parts import KINDS, SECTIONS, Way, apis_of, items_at, part_at
from menshen.documents.schemas import part_schemas
from menshen.errors import ConfigInvalid, Problem
from menshen.operators.roles import Scope
from menshen.web.admin_api.endpoint import Answered, BadCall, Call, Endpoint, Method, Word
from menshen.web.admin_api.preconditions import CONDITIONS, REQUIRED, as_header, expected_etag, is_known

__all__ = ["Written", "config_endpoints", "written"]

_YAML: Final = "application/yaml"
_READ, _WRITE = Scope.CONFIG_READ, Scope.CONFIG_WRITE
_REFUSED_WRITES: Final = (412, 422, 428)
_ONE: Final = {
    "components": "component",
    "apps": "app",
    "upstreams": "upstream",
    "groups": "group",
    "plugins": "plugin",
    "webhooks": "webhook",
}

Json = dict[str, Any]
Read = Callable[[Call, Mapping[str, Any]], Any]
MakeEdit = Callable[[Call], Edit]


class WriteQuery(msgspec.Struct, forbid_unknown_fields=True):
    """``comment`` stays with the revision. ``dry_run``: say what would come of it, and store nothing."""

    comment: Word = ""
    dry_run: Literal["true", "false"] = "false"


class UnbindQuery(msgspec.Struct, forbid_unknown_fields=True):
    """One of ``group`` and ``api``."""

    plugin: Word
    group: Word = ""
    api: Word = ""
    comment: Word = ""
    dry_run: Literal["true", "false"] = "false"


class Bindings(msgspec.Struct, forbid_unknown_fields=True):
    bindings: list[dict[str, Any]]


class Written(msgspec.Struct):
    """``revision`` is the active one. ``changes`` is empty where nothing changed: then there is no new revision."""

    revision: int
    etag: str
    changes: Sequence[Change]


def config_endpoints(configuration: Configuration) -> list[Endpoint]:
    """Everything below ``/v1/config``."""
    table = _Table(configuration)
    endpoints = [
        table.read(
            "/v1/config", "The whole document; as YAML where Accept asks for that", _whole, "document", yaml=True
        ),
        table.write(
            "PUT", "/v1/config", "Replace the whole document", lambda call: replace_document(call.body), "document"
        ),
    ]
    for kind in KINDS:
        endpoints += table.of_list(f"/v1/config/{kind}", kind, _ONE[kind], partial(_list_of, kind))
    endpoints += table.of_list(
        "/v1/config/groups/{group}/apis", "apis", "API", lambda call: apis_of(call.path["group"])
    )
    for section in SECTIONS:
        endpoints += table.of_section(f"/v1/config/{section}", section)
    return [*endpoints, *_of_bindings(table)]


def written(done: Changed) -> Answered:
    """The answer to a change. Raises ``ConfigInvalid`` where Envoy refused it: it does not run."""
    if done.refused:
        english = f"Envoy refused it, revision {done.revision} runs on: {done.refused}"
        raise ConfigInvalid(
            [Problem("", english, f"Envoy 拒绝了此配置，版本 {done.revision} 继续运行：{done.refused}")]
        )
    return Answered(Written(done.revision, done.etag, done.changes), headers={"etag": as_header(done.etag)})


class _Table:
    """Makes rows of the table of endpoints."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._schemas = part_schemas()

    def read(self, path: str, summary: str, value: Read, answer: Any, *, yaml: bool = False) -> Endpoint:
        """``answer`` names a schema of the document's, or is a type."""

        async def work(call: Call) -> Answered:
            shown = await self._configuration.current()
            as_yaml = yaml and _asks_for_yaml(call)
            headers = {"etag": as_header(shown.etag, yaml=as_yaml), **({"vary": "accept"} if yaml else {})}
            found = value(call, shown.document)
            if is_known(call, shown.etag, yaml=as_yaml):
                return Answered(None, 304, headers)
            return Answered(dump_document(found), 200, headers, _YAML) if as_yaml else Answered(found, 200, headers)

        return Endpoint(
            "GET",
            path,
            summary,
            _READ,
            work,
            answer=self._schemas[answer] if isinstance(answer, str) else answer,
            refuses=(304, 404) if "{" in path else (304,),
            headers=CONDITIONS,
            media=(_YAML,) if yaml else (),
        )

    def write(
        self,
        method: Method,
        path: str,
        summary: str,
        edit: MakeEdit,
        body: str | type[msgspec.Struct] | None = None,
        query: type[msgspec.Struct] = WriteQuery,
    ) -> Endpoint:
        """``body`` names a schema of the document's, or is a type."""

        async def work(call: Call) -> Answered:
            return written(await self._done(call, edit(call)))

        found = (404,) if "{" in path or query is UnbindQuery else ()
        return Endpoint(
            method,
            path,
            summary,
            _WRITE,
            work,
            query,
            body=Json if isinstance(body, str) else body,
            answer=Written,
            refuses=(*found, *((409,) if method != "DELETE" else ()), *_REFUSED_WRITES),
            body_limit=MAX_BYTES,
            body_schema=self._schemas[body] if isinstance(body, str) else None,
            headers=REQUIRED,
        )

    async def _done(self, call: Call, edit: Edit) -> Changed:
        references = call.principal.may(Scope.OPERATORS_WRITE)
        if call.query.dry_run == "true":
            etag = await self._etag(call) if call.headers.get("if-match") else ANY
            return await self._configuration.check(edit, references=references, etag=etag)
        return await self._configuration.change(
            await self._etag(call),
            edit,
            author=call.principal.name,
            comment=call.query.comment,
            references=references,
        )

    async def _etag(self, call: Call) -> str:
        shown: Shown = await self._configuration.current()
        return expected_etag(call, shown.etag)

    def listed(self, key: str, schema: str) -> Json:
        """The schema of an answer with a list."""
        item = {"$ref": self._schemas[schema]["$ref"]}
        return {
            "type": "object",
            "properties": {key: {"type": "array", "items": item}},
            "required": [key],
            "additionalProperties": False,
        }

    def of_list(self, path: str, schema: str, one: str, where: Callable[[Call], Way]) -> list[Endpoint]:
        key = path.rpartition("/")[2]
        item = f"{path}/{{name}}"

        def name(call: Call) -> str:
            return call.path["name"]

        return [
            self.read(
                path, f"Every {one}", lambda call, raw: {key: items_at(raw, where(call))}, self.listed(key, schema)
            ),
            self.write("POST", path, f"Add a new {one}", lambda call: create(where(call), call.body), schema),
            self.read(item, f"One {one}", lambda call, raw: part_at(raw, (*where(call), name(call))), schema),
            self.write(
                "PUT", item, f"Replace or rename one {one}", lambda c: replace(where(c), name(c), c.body), schema
            ),
            self.write("DELETE", item, f"Delete one {one}", lambda call: delete(where(call), name(call))),
        ]

    def of_section(self, path: str, section: str) -> list[Endpoint]:
        return [
            self.read(path, f"The section {section}", lambda _, raw: raw.get(section, {}), section),
            self.write("PUT", path, f"Replace {section}", lambda call: replace_section(section, call.body), section),
            self.write("DELETE", path, f"Take {section} away: the defaults hold", lambda _: delete_section(section)),
        ]


def _of_bindings(table: _Table) -> list[Endpoint]:
    all_of, of_plugin = "/v1/config/bindings", "/v1/config/plugins/{name}/bindings"
    answer = table.listed("bindings", "bindings")
    return [
        table.read(all_of, "Every binding", lambda _, raw: {"bindings": items_at(raw, ("bindings",))}, answer),
        table.write(
            "POST", all_of, "Bind plugins to groups or APIs, many at once", lambda c: bind(c.body.bindings), Bindings
        ),
        table.write("DELETE", all_of, "Take one binding away", _unbound, query=UnbindQuery),
        table.read(of_plugin, "What a plugin is bound to", _bound, answer),
        table.write(
            "PUT",
            of_plugin,
            "Bind a plugin to these groups and APIs, and to no others",
            lambda call: rebind(call.path["name"], call.body.bindings),
            Bindings,
        ),
    ]


def _list_of(kind: str, _: Call) -> Way:
    return (kind,)


def _unbound(call: Call) -> Edit:
    query: UnbindQuery = call.query
    if bool(query.group) == bool(query.api):
        raise BadCall("give one of group and api")
    target = {"group": query.group} if query.group else {"api": query.api}
    return unbind([{"plugin": query.plugin, **target}])


def _bound(call: Call, raw: Mapping[str, Any]) -> Any:
    name = call.path["name"]
    part_at(raw, ("plugins", name))
    return {"bindings": [each for each in items_at(raw, ("bindings",)) if each.get("plugin") == name]}


def _whole(_: Call, raw: Mapping[str, Any]) -> Any:
    return raw


def _asks_for_yaml(call: Call) -> bool:
    accept = call.headers.get("accept", "").lower()
    return "yaml" in accept and "json" not in accept
