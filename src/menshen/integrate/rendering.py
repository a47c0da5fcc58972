"""The texts that configurations are made of, in the files beside this one."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2

__all__ = ["rendered"]


def rendered(name: str, values: dict[str, Any]) -> str:
    """The template of this name. What is missing in ``values`` is an error, not an empty line."""
    return _environment().get_template(name).render(values)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("menshen.integrate"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (no HTML; each value is quoted as its proxy reads it)
    )
