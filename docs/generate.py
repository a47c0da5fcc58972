"""Writes the tables of the documentation that the code already knows: refusals, configuration keys, commands.

``python docs/generate.py`` rewrites the regions between ``<!-- name -->`` and ``<!-- /name -->`` in place. The tests
call :func:`stale` and fail when a region is not what the code says.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, get_args

import typer
from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from menshen.cli.app import app
from menshen.config import document
from menshen.errors import refusals

__all__ = ["PAGES", "commands", "keys", "meanings", "rendered", "stale", "title"]

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
    "ClaimName": "claim",
    "ClientApi": "path",
    "Description": "text",
    "EndpointAt": "host:port",
    "FilePath": "file",
    "HealthPath": "path",
    "Host": "host",
    "HostName": "host",
    "Minutes": "minutes",
    "Name": "name",
    "ParameterName": "parameter",
    "Prefix": "path",
    "Seconds": "seconds",
    "TypeName": "plugin type",
    "VersionOne": "`1`",
    "bool": "true / false",
    "dict[CustomClaim, HeaderName]": "mapping",
    "dict[str, Any]": "mapping",
    "float": "seconds",
    "int": "integer",
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


def keys(model: type[document.Part] = document.Document, prefix: str = "") -> Iterator[tuple[str, str, FieldInfo]]:
    """Path, kind and field of every key, parents first: ``apps[].name``."""
    for name, field in model.model_fields.items():
        written = model.__annotations__[name].removesuffix(" | None")
        listed = re.fullmatch(r"(?:Annotated\[)?Items\[(\w+)\].*", written)
        inner = listed[1] if listed else written
        path = f"{prefix}{field.alias or name}"
        part = getattr(document, inner, None) if inner.isidentifier() else None
        nested = isinstance(part, type) and issubclass(part, document.Part)
        kind = "mapping" if nested else _kind(inner, field)
        yield path, f"list: {kind}" if listed else kind, field
        if nested and part is not None:
            yield from keys(part, f"{path}{'[]' if listed else ''}.")


def _kind(written: str, field: FieldInfo) -> str:
    """``Annotated[int, Field(ge=1)]``, an alias of a literal, or one of the named kinds, as words."""
    if written.startswith("Annotated[Annotated["):
        return "preset or mapping"
    plain = re.sub(r"^Annotated\[(\w+),.*$", r"\1", written)
    choices = get_args(field.annotation) if written.startswith("Literal") else get_args(getattr(document, plain, None))
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
        return "**required**"
    if value is None or value in ("", (), {}) or isinstance(value, document.Part):
        return "–"
    if isinstance(value, tuple):
        return f"`[{', '.join(repr(item) for item in value)}]`".replace("'", '"')
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def meanings() -> dict[str, list[str]]:
    """Key -> its meaning in both languages."""
    return tomllib.loads((ROOT / "docs/reference/configuration.toml").read_text(encoding="utf-8"))


def configuration(language: Language) -> str:
    heads = (("key", "kind", "default", "meaning"), ("键", "类型", "默认值", "含义"))
    texts = meanings()
    missing = ["**missing**"] * 2
    rows = ((f"`{path}`", kind, _default(field), texts.get(path, missing)[language]) for path, kind, field in keys())
    required = ("**required**", "**必填**")[language]
    return _table(heads[language], rows).replace("**required**", required)


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


PAGES: Final[dict[str, tuple[Language, dict[str, Callable[[Language], str]]]]] = {
    "README.md": (0, {"errors": errors}),
    "README.zh-CN.md": (1, {"errors": errors}),
    "docs/reference/errors.md": (0, {"errors": errors}),
    "docs/reference/errors.zh-CN.md": (1, {"errors": errors}),
    "docs/reference/configuration.md": (0, {"configuration": configuration}),
    "docs/reference/configuration.zh-CN.md": (1, {"configuration": configuration}),
    "docs/reference/commands.md": (0, {"commands": command_list}),
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
