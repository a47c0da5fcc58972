"""Writes the tables of the documentation that the code already knows: refusals, configuration keys, commands, calls.

``python docs/generate.py`` rewrites the regions between ``<!-- name -->`` and ``<!-- /name -->`` in place. The tests
call :func:`stale` and fail when a region is not what the code says.
"""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Literal, get_args

import msgspec
import typer
from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from menshen.cli.app import app
from menshen.config import document
from menshen.config.meanings import document_meanings, plugin_meanings
from menshen.config.part import Part
from menshen.config.plugins.registry import PARTS
from menshen.doctor.examination import CHECKS, GENERAL
from menshen.doctor.finding import Said, Trouble
from menshen.errors import REFUSALS, refusals
from menshen.platforms.evidence import CAPABILITIES, Capability, Confirmation, evidence
from menshen.platforms.registry import PLATFORMS
from menshen.web.metrics import METRICS
from menshen.web.user_api.authing.user import AuthingUser
from menshen.web.user_api.authing.wire import NUMBERS
from menshen.web.user_api.endpoint import Endpoint
from menshen.web.user_api.table import Served, endpoints

__all__ = [
    "PAGES",
    "call_meanings",
    "calls",
    "commands",
    "keys",
    "plugin_keys",
    "plugin_page",
    "rendered",
    "stale",
    "title",
]

Language = Literal[0, 1]
"""English, Chinese: the index of every pair of texts below."""

ROOT: Final = Path(__file__).parents[1]

_WHO_ZH: Final = {"client": "小程序端", "operator": "运维", "platform": "平台", "nobody": "无需处理"}

_KINDS: Final = {
    "Any": "any JSON",
    "ApiPath": "path",
    "ApiRef": "group/api",
    "AppId": "appid",
    "AppSecret": "secret",
    "BaseUrl": "URL",
    "Certificate": "certificate",
    "ClaimName": "claim",
    "Cidr": "address or range",
    "ClientApi": "path",
    "Description": "text",
    "EncodingAesKey": "secret",
    "EndpointAt": "host:port",
    "FilePath": "file",
    "Header": "header",
    "HeaderName": "header",
    "HealthPath": "path",
    "Host": "host",
    "HostName": "host",
    "KeyId": "key id",
    "KeyNumber": "key number",
    "KeysUrl": "URL",
    "MessageToken": "secret",
    "Minutes": "minutes",
    "Moment": "date and time",
    "Name": "name",
    "Origin": "origin",
    "ParameterName": "parameter",
    "PresetName": "preset",
    "Percent": "percent",
    "Prefix": "path",
    "PublicKey": "public key",
    "RedirectUrl": "URL",
    "Regex": "RE2",
    "Seconds": "seconds",
    "TagName": "tag",
    "TagValue": "text",
    "Text": "text",
    "TokenPrefix": "text",
    "TypeName": "plugin type",
    "VersionOne": "`1`",
    "Weight": "integer",
    "bool": "true / false",
    "dict[CustomClaim, HeaderName]": "mapping",
    "dict[RefusalKey, dict[str, Any]]": "mapping",
    "dict": "mapping",
    "dict[str, Any]": "mapping",
    "float": "seconds",
    "int": "integer",
    "str": "text",
}
"""How the models name a kind of value -> how the documentation does. An unknown one fails."""


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    cells = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def errors(language: Language) -> str:
    """Every refusal: what the client reads, and who can do something about it."""
    heads = (("who must act", "meaning"), ("谁来处理", "含义"))
    return _table(
        ("code", "reason", "HTTP", "action", *heads[language]),
        (
            (
                str(refusal.code),
                f"`{refusal.reason}`",
                str(refusal.status),
                f"`{refusal.action}`",
                (refusal.who, _WHO_ZH[refusal.who])[language],
                (refusal.message, refusal.message_zh)[language],
            )
            for refusal in refusals()
        ),
    )


def keys(model: type[Part] = document.Document, prefix: str = "") -> Iterator[tuple[str, str, FieldInfo]]:
    """Path, kind and field of every key, parents first: ``apps[].name``."""
    for name, field in model.model_fields.items():
        owner = next(base for base in model.__mro__ if name in inspect.get_annotations(base))
        known = vars(sys.modules[owner.__module__])
        written = owner.__annotations__[name].removesuffix(" | None")
        listed = re.fullmatch(r"(?:Annotated\[)?Items\[(\w+)\].*", written)
        inner = _LOGIN.get(listed[1], listed[1]) if listed else written
        path = f"{prefix}{field.alias or name}"
        part = known.get(inner)
        nested = isinstance(part, type) and issubclass(part, Part)
        kind = "mapping" if nested else _kind(inner, field, known)
        yield path, f"list: {kind}" if listed else kind, field
        if nested and part is not None:
            yield from keys(part, f"{path}{'[]' if listed else ''}.")


_LOGIN: Final = {"EveryPlugin": "Plugin"}
"""The plugins of a document are documented as login plugins; every other type has a page of its own."""


def plugin_keys(kind: str) -> Iterator[tuple[str, str, FieldInfo]]:
    """As :func:`keys`, of a plugin type that is no login plugin: ``Tag.tags[].in``."""
    return keys(PARTS[kind], f"{kind}.")


def plugin_page(kind: str) -> str:
    """Where a plugin type is documented, in English: ``RateLimit`` in ``rate-limit.md``."""
    special = {"OAuth": "oauth"}
    return f"docs/reference/plugins/{special.get(kind) or re.sub(r'(?<!^)(?=[A-Z])', '-', kind).lower()}.md"


def _kind(written: str, field: FieldInfo, known: dict[str, Any]) -> str:
    """``Annotated[int, Field(ge=1)]``, an alias of a literal, or one of the named kinds, as words."""
    if written.startswith("Annotated[Annotated["):
        return "preset or mapping"
    plain = re.sub(r"^Annotated\[(\w+)[,\[].*$", r"\1", written)
    choices = get_args(field.annotation) if written.startswith("Literal") else get_args(known.get(plain))
    if choices and all(isinstance(choice, str) for choice in choices) and plain not in _KINDS:
        return ", ".join(f"`{choice}`" for choice in choices)
    limits = {type(rule): rule for rule in field.metadata}
    low, high = limits.get(Ge) or limits.get(Gt), limits.get(Le)
    if low is None or high is None:
        return _KINDS[plain]
    least = low.ge if isinstance(low, Ge) else f"over {low.gt}"
    return f"{_KINDS[plain]}, {least} to {high.le}"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is PydanticUndefined:
        return "–" if field.default_factory is not None else "**required**"
    if value is None or value in ("", (), {}) or isinstance(value, Part):
        return "–"
    if isinstance(value, tuple):
        return f"`[{', '.join(repr(item) for item in value)}]`".replace("'", '"')
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def configuration(language: Language) -> str:
    return _key_table(keys(), document_meanings(), language)


def plugin_table(kind: str) -> Callable[[Language], str]:
    """The keys of one plugin type. A key is written without the type in front."""

    def table(language: Language) -> str:
        texts = {path.removeprefix(f"{kind}."): pair for path, pair in plugin_meanings().items()}
        return _key_table(keys(PARTS[kind]), texts, language)

    return table


def _key_table(rows: Iterator[tuple[str, str, FieldInfo]], texts: Mapping[str, list[str]], language: Language) -> str:
    heads = (("key", "kind", "default", "meaning"), ("键", "类型", "默认值", "含义"))
    missing = ["**missing**"] * 2
    cells = ((f"`{path}`", kind, _default(field), texts.get(path, missing)[language]) for path, kind, field in rows)
    required = ("**required**", "**必填**")[language]
    return _table(heads[language], cells).replace("**required**", required)


def commands() -> dict[str, Any]:
    """``keys rotate`` -> command, in the order of ``menshen --help``; a group is its commands."""
    group: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        inner = getattr(command, "commands", None)
        if inner is None:
            found[name] = command
        else:
            found |= {f"{name} {own}": each for own, each in inner.items()}
    return found


def title(name: str, command: Any) -> str:
    """The heading of a command: how it is written, with the arguments that it needs."""
    arguments = [p for p in command.params if p.param_type_name == "argument" and p.required]
    return " ".join(["menshen", name, *map(_argument, arguments)])


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    if parameter.required or name.startswith("["):
        return str(name)
    return f"[{name}]{'...' if parameter.nargs == -1 else ''}"


def _parameter(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"- `{_argument(parameter)}`: {parameter.help}"
    variable = f" Environment: `{parameter.envvar}`." if parameter.envvar else ""
    given = "" if parameter.is_flag or parameter.default in (None, "") else f" Default: `{parameter.default}`."
    return f"- `{', '.join(parameter.opts)}`: {parameter.help}{given}{variable}"


def command_list(_: Language) -> str:
    return "\n\n".join(
        "\n".join([f"### {title(name, command)}\n", f"{command.help}\n", *map(_parameter, command.params)])
        for name, command in commands().items()
    )


def calls() -> Sequence[Endpoint]:
    """Every call of the user API, from the table that it is served from. Nothing can be called here."""
    return endpoints(Served(**dict.fromkeys((each.name for each in fields(Served)), None)))  # type: ignore[arg-type]


def call_meanings() -> dict[str, str]:
    """``POST login`` -> what it does, in Chinese; the English text is the table's own."""
    return tomllib.loads((ROOT / "docs/reference/user-api.toml").read_text(encoding="utf-8"))


_NEEDS: Final = {"nothing": ("–", "–"), "state": ("yes", "需要"), "any state": ("yes, of any age", "需要，过期亦可")}
_BODIES: Final = {"upload": ("an image, or a form with `file`", "图片，或含 `file` 字段的表单"), "xml": ("XML", "XML")}
_NO_JSON: Final = ("no JSON", "非 JSON")


def user_api(language: Language) -> str:
    """Each call, whether it needs a login state, and the fields of its body and its answer."""
    heads = (
        ("call", "what it does", "login state", "body", "answer"),
        ("接口", "作用", "登录态", "请求体", "应答"),
    )
    chinese = call_meanings()
    return _table(
        heads[language],
        (
            (
                f"`{call.method} {call.path}`",
                (call.summary, chinese.get(f"{call.method} {call.path}", "**missing**"))[language],
                _NEEDS[call.needs][language],
                _BODIES[call.body][language] if isinstance(call.body, str) else _members(call.body),
                _NO_JSON[language] if call.answer is None else _members(call.answer),
            )
            for call in calls()
        ),
    )


def _members(struct: Any) -> str:
    if struct is None:
        return "–"
    members = msgspec.structs.fields(struct)
    return ", ".join(f"`{member.encode_name}`" + ("" if member.required else "?") for member in members) or "–"


def user_api_refusals(language: Language) -> str:
    """Each call and the refusals of its own."""
    heads = (("call", "reasons"), ("接口", "原因"))
    return _table(
        heads[language],
        (
            (f"`{call.method} {call.path}`", ", ".join(f"`{refusal.reason}`" for refusal in call.refuses))
            for call in calls()
            if call.refuses
        ),
    )


def authing_numbers(language: Language) -> str:
    """Each reason that has a number of Authing's own."""
    heads = (("code", "reason", "ours"), ("code", "原因", "我们的编号"))
    return _table(
        heads[language],
        (
            (str(number), f"`{reason}`", str(REFUSALS[reason].code))
            for reason, number in sorted(NUMBERS.items(), key=_last)
        ),
    )


def _last(pair: tuple[str, int]) -> tuple[int, str]:
    return pair[1], pair[0]


def authing_fields(_: Language) -> str:
    """The fields of Authing's user."""
    return ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(AuthingUser))


def doctor_checks(language: Language) -> str:
    """Each check of ``menshen doctor`` and what it can find, from where it is declared."""
    heads = (("it says", "status", "what to do"), ("输出", "结果", "处理办法"))
    statuses = ({"warning": "warning", "failed": "failed"}, {"warning": "注意", "failed": "异常"})
    any_check = Said("What any of them can come to.", "任何检查都可能出现的情况。")

    def table(troubles: Sequence[Trouble]) -> str:
        return _table(
            heads[language],
            (
                (_placed(each.found, language), statuses[language][each.status], _placed(each.advice, language))
                for each in troubles
            ),
        )

    sections = [(f"`{check.name}`", check.looks_at, check.troubles) for check in CHECKS]
    sections.append(("`*`", any_check, GENERAL))
    return "\n\n".join(
        f"### {heading}\n\n{(about.en, about.zh)[language]}\n\n{table(troubles)}"
        for heading, about, troubles in sections
    )


def _placed(said: Said, language: Language) -> str:
    """Places for facts as a reader knows them: ``{path}`` is ``PATH``."""
    return re.sub(r"{(\w+)}", lambda place: place[1].upper(), (said.en, said.zh)[language]).replace("*", r"\*")


def metric_meanings() -> dict[str, str]:
    """Metric -> what it is, in Chinese; the English text is the code's own."""
    return tomllib.loads((ROOT / "docs/reference/metrics.toml").read_text(encoding="utf-8"))


def metrics(language: Language) -> str:
    """Every metric of ``/metrics``."""
    heads = (("metric", "kind", "labels", "meaning"), ("指标", "类型", "标签", "含义"))
    chinese = metric_meanings()
    return _table(
        heads[language],
        (
            (
                f"`{each.name}{'_info' if each.kind == 'info' else ''}`",
                each.kind,
                ", ".join(f"`{label}`" for label in each.labels) or "–",
                (each.help, chinese.get(each.name, "**missing**"))[language],
            )
            for each in METRICS
        ),
    )


_CAPABILITIES: Final[Mapping[Capability, tuple[str, str]]] = {
    "login": ("login", "登录"),
    "errors": ("error table", "错误码"),
    "used_code": ("used code told apart", "区分已使用的 code"),
    "code_lifetime": ("life of a code", "code 有效期"),
    "unionid": ("unionid", "unionid"),
    "open_data": ("open data", "开放数据"),
    "signed_calls": ("signed calls and answers", "调用与应答签名"),
    "phone_data": ("phone number in data", "加密数据中的手机号"),
    "phone_codes": ("phone codes", "手机号 code"),
    "session_checks": ("session_key check and reset", "session_key 校验与重置"),
    "access_token": ("access token", "access token"),
}

_CONFIRMED: Final[Mapping[Confirmation, tuple[str, str]]] = {
    "vendor": ("vendor", "官方文档"),
    "mirror": ("mirror", "文档镜像"),
    "forum": ("forum", "官方论坛"),
    "projects": ("projects", "公开项目"),
    "unconfirmed": ("unconfirmed", "未确认"),
    "none": ("–", "–"),
}


def platforms(language: Language) -> str:
    """Platform by capability: how it was confirmed that the platform has it."""
    head = (("capability", *PLATFORMS), ("能力", *PLATFORMS))[language]
    known = evidence(PLATFORMS)
    return _table(
        head,
        (
            (_CAPABILITIES[each][language], *(_CONFIRMED[known[name][each].confirmed][language] for name in PLATFORMS))
            for each in CAPABILITIES
        ),
    )


def platform_evidence(language: Language) -> str:
    """For each platform, where each line of :func:`platforms` is from."""
    head = (("capability", "confirmed by", "where"), ("能力", "依据类型", "依据"))[language]
    return "\n\n".join(
        f"### {name}\n\n"
        + _table(
            head,
            (
                (_CAPABILITIES[each][language], _CONFIRMED[line.confirmed][language], line.where[language])
                for each, line in lines.items()
            ),
        )
        for name, lines in evidence(PLATFORMS).items()
    )


PAGES: Final[dict[str, tuple[Language, dict[str, Callable[[Language], str]]]]] = {
    "README.md": (0, {"errors": errors}),
    "README.zh-CN.md": (1, {"errors": errors}),
    "docs/reference/errors.md": (0, {"errors": errors}),
    "docs/reference/errors.zh-CN.md": (1, {"errors": errors}),
    "docs/reference/configuration.md": (0, {"configuration": configuration}),
    "docs/reference/configuration.zh-CN.md": (1, {"configuration": configuration}),
    "docs/reference/user-api.md": (0, {"calls": user_api, "refusals": user_api_refusals}),
    "docs/reference/user-api.zh-CN.md": (1, {"calls": user_api, "refusals": user_api_refusals}),
    "docs/reference/authing.md": (0, {"fields": authing_fields, "numbers": authing_numbers}),
    "docs/reference/authing.zh-CN.md": (1, {"fields": authing_fields, "numbers": authing_numbers}),
    "docs/reference/metrics.md": (0, {"metrics": metrics}),
    "docs/reference/metrics.zh-CN.md": (1, {"metrics": metrics}),
    "docs/reference/commands.md": (0, {"commands": command_list}),
    "docs/how-to/doctor.md": (0, {"checks": doctor_checks}),
    "docs/how-to/doctor.zh-CN.md": (1, {"checks": doctor_checks}),
    "docs/reference/platforms.md": (0, {"platforms": platforms, "evidence": platform_evidence}),
    "docs/reference/platforms.zh-CN.md": (1, {"platforms": platforms, "evidence": platform_evidence}),
    **{plugin_page(kind): (0, {"keys": plugin_table(kind)}) for kind in PARTS},
    **{plugin_page(kind).replace(".md", ".zh-CN.md"): (1, {"keys": plugin_table(kind)}) for kind in PARTS},
}
"""Page -> its language and its generated regions."""


def rendered(page: str) -> str:
    """The page with its regions as they must be. Raises ValueError where a region's markers are missing."""
    language, regions = PAGES[page]
    text = (ROOT / page).read_text(encoding="utf-8")
    for name, region in regions.items():
        before, opening, rest = text.partition(f"<!-- {name} -->\n")
        _, closing, after = rest.partition(f"<!-- /{name} -->")
        if not opening or not closing:
            raise ValueError(f"{page}: no region {name}")
        text = f"{before}{opening}{region(language)}\n{closing}{after}"
    return text


def stale() -> list[str]:
    """Pages whose regions are not what the code says."""
    return [page for page in PAGES if rendered(page) != (ROOT / page).read_text(encoding="utf-8")]


if __name__ == "__main__":
    for page in stale():
        (ROOT / page).write_text(rendered(page), encoding="utf-8")
        print(page)
