"""Which code a request carries, looked for where the plugin says that it is."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

import msgspec

from menshen.config.login_rules import CodeAt
from menshen.web.console.try_it.outgoing import Outgoing

__all__ = ["carried"]


def carried(request: Outgoing, at: CodeAt) -> str:
    """The code, "" where there is none."""
    match at.position:
        case "header":
            return _header(request, at.name)
        case "cookie":
            found = re.search(rf"(?:^|;\s*){re.escape(at.name)}=([^;]*)", _header(request, "cookie"))
            return found[1] if found else ""
        case "query":
            return parse_qs(request.path.partition("?")[2]).get(at.name, [""])[0]
        case "body":
            try:
                value = msgspec.json.decode(request.body or b"{}", type=dict[str, object]).get(at.name)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return ""
            return value if isinstance(value, str) else ""


def _header(request: Outgoing, name: str) -> str:
    return next((value for each, value in request.headers if each.lower() == name.lower()), "")
