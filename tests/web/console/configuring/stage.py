"""The pages of the configuration, against the real document on SQLite."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any

from menshen.config.yamltext import dump_document
from menshen.documents.configuration import Activate, Configuration
from menshen.gateway.plugin_loading import InstalledTypes
from menshen.operators.roles import Role
from menshen.web.console.configuring.views import configuration_views
from menshen.web.console.preferences import preference_views
from tests.documents.samples import documents_of, full
from tests.storage.conftest import opened
from tests.web.console.browsing import Browser, Got, in_loop

__all__ = ["configuring", "etag", "fields_in", "pairs_in", "wrong_fields"]

Health = Mapping[str, Sequence[tuple[str, bool]]]


def configuring(
    where: Path,
    work: Callable[[Browser, Configuration], Awaitable[None]],
    *,
    document: Mapping[str, Any] | None = None,
    role: Role = Role.OWNER,
    health: Health | None = None,
    installed: InstalledTypes | None = None,
    activate: Activate | None = None,
) -> None:
    """Run ``work`` with a browser on the pages of a node whose first revision is ``document``; ``{}``: none at all."""

    async def main() -> None:
        async with opened(where) as database:
            documents = documents_of(database)
            if document != {}:
                await documents.apply(dump_document(document or full()), author="file")
            configuration = Configuration(documents, activate)
            types = installed or InstalledTypes(tuple)
            views = [*preference_views(), *configuration_views(configuration, types, lambda: health or {})]

            async def browse(browser: Browser) -> None:
                await work(browser, configuration)

            await in_loop(views, browse, role)

    asyncio.run(main())


def fields_in(page: Got) -> dict[str, str]:
    """The fields of the page's form as a browser would send them, each once."""
    (form,) = re.findall(r'<form id="form".*?</form>', page.text, re.DOTALL)
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name is None or ('type="checkbox"' in tag and " checked" not in tag):
            continue
        found[unescape(name[1])] = unescape(value[1]) if value else ("on" if "checkbox" in tag else "")
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL):
        found[unescape(name)] = unescape(text)
    for name, options in re.findall(r'<select[^>]*name="([^"]*)".*?>(.*?)</select>', form, re.DOTALL):
        values = re.findall(r'<option value="([^"]*)"( selected)?>', options)
        chosen = [value for value, selected in values if selected] or [values[0][0]]
        found[unescape(name)] = unescape(chosen[0])
    return {name: value for name, value in found.items() if name != "csrf"}


def pairs_in(page: Got) -> list[tuple[str, str]]:
    """The same where names come several times: items of lists, and methods that are ticked."""
    pairs = [(name, value) for name, value in fields_in(page).items() if not name.endswith(("items", "methods"))]
    pairs += [("methods", value) for value in re.findall(r'name="methods" value="([^"]*)" checked', page.text)]
    return [*pairs, *re.findall(r'name="([^"]*:items)" value="([^"]*)"', page.text)]


def etag(page: Got) -> str:
    found = re.search(r'name="etag" value="([^"]*)"', page.text)
    assert found is not None
    return found[1]


def wrong_fields(page: Got) -> list[str]:
    """The names of the inputs that are said to be wrong."""
    return [unescape(name) for name in re.findall(r'name="([^"]*)"[^>]*aria-invalid="true"', page.text)]
