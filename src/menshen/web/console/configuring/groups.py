"""Groups and their APIs: what is published, and which plugins work on it, in their order."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from menshen.documents.configuration import Shown
from menshen.documents.editing import create, replace
from menshen.documents.parts import Json, apis_of, items_at, part_at
from menshen.operators.roles import Scope
from menshen.web.console.configuring.editor import Editor, Form
from menshen.web.console.configuring.kinds import API_FIELDS, API_SECTIONS, GROUPS, api_path, group_path
from menshen.web.console.configuring.parts import form_views, part_views, removal_views, running
from menshen.web.console.configuring.referring import Applied, applied, referrers
from menshen.web.console.forms.showing import Option
from menshen.web.console.language import sentence
from menshen.web.console.view import View, Visit

__all__ = ["group_views"]


@dataclass(frozen=True, slots=True)
class _Api:
    name: str
    path: str
    full: str
    methods: list[str]
    access: str
    plugins: list[Applied]


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    hosts: list[str]
    prefix: str
    upstream: str
    description: str
    apis: list[_Api]
    plugins: list[Applied]


def group_views(editor: Editor) -> list[View]:
    """``/console/groups``, and a group's APIs at ``/console/groups/{name}/apis``."""

    async def listed(visit: Visit) -> Response:
        current = await editor.configuration.current()
        rows = [_group(current.document, each) for each in items_at(current.document, ("groups",))]
        return visit.page("configuring/groups.html", kind=GROUPS, rows=rows, revision=running(visit, current))

    async def shown(visit: Visit) -> Response:
        current = await editor.configuration.current()
        name = visit.words["name"]
        group = next((each for each in items_at(current.document, ("groups",)) if each["name"] == name), None)
        if group is None:
            return visit.trouble(404, sentence("There is no such thing"))
        row = _group(current.document, group)
        return visit.page("configuring/group.html", kind=GROUPS, group=row, revision=running(visit, current))

    def new_api(visit: Visit, current: Shown) -> Form:
        group = visit.words["name"]
        part_at(current.document, ("groups", group))
        return _api_form(current, group, None)

    def edit_api(visit: Visit, current: Shown) -> Form:
        return _api_form(current, visit.words["name"], visit.words["api"])

    apis = f"{GROUPS.path}/{{name}}/apis"
    return [
        View("GET", GROUPS.path, Scope.CONFIG_READ, listed),
        View("GET", f"{GROUPS.path}/{{name}}", Scope.CONFIG_READ, shown),
        *part_views(editor, GROUPS, _upstreams, at="/edit"),
        *form_views(editor, f"{apis}/-/new", new_api),
        *form_views(editor, f"{apis}/{{api}}", edit_api),
        *removal_views(
            editor,
            f"{apis}/{{api}}/delete",
            way=lambda visit: (*apis_of(visit.words["name"]), visit.words["api"]),
            back=lambda visit: group_path(visit.words["name"]),
            users=lambda visit, document: referrers(document, "apis", f"{visit.words['name']}/{visit.words['api']}"),
        ),
    ]


def _upstreams(document: Json) -> dict[str, list[Option]]:
    return {"groups[].upstream": [Option(each["name"], each["name"]) for each in items_at(document, ("upstreams",))]}


def _api_form(current: Shown, group: str, api: str | None) -> Form:
    where = apis_of(group)
    more = {} if api is None else {"applied": applied(current.document, group, api)}
    return Form(
        title=sentence("New API") if api is None else group,
        subject=api or "",
        fields=API_FIELDS,
        sections=API_SECTIONS,
        back=group_path(group),
        back_title=group,
        kind="groups",
        before={} if api is None else part_at(current.document, (*where, api)),
        edit=lambda part: create(where, part) if api is None else replace(where, api, part),
        after=lambda _: group_path(group),
        about=lambda part: api is not None and part == f"groups/{group}/apis/{api}",
        template="configuring/api.html",
        more={"group": group, "path": "" if api is None else api_path(group, api), "applied": [], **more},
    )


def _group(document: Json, group: Json) -> _Group:
    name, prefix = group["name"], group.get("prefix", "/")
    return _Group(
        name=name,
        hosts=group.get("hosts") or ["*"],
        prefix=prefix,
        upstream=group["upstream"],
        description=group.get("description", ""),
        apis=[
            _Api(
                name=api["name"],
                path=api["path"],
                full=f"{prefix.rstrip('/')}{api['path']}",
                methods=api.get("methods") or [],
                access=api.get("access") or "",
                plugins=applied(document, name, api["name"]),
            )
            for api in group.get("apis") or ()
        ],
        plugins=applied(document, name, ""),
    )
