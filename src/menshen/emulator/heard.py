"""What the platform heard of a login, for a page that shows a developer the way of his code.

A secret is not masked when it is shown but never kept: of a call stay the few fields that are known to be harmless, and
of all others their names.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from menshen.emulator.answer import Answer
from menshen.emulator.dialect import Asked

__all__ = ["HIDDEN", "Heard", "HeardLogins"]

HIDDEN: Final = "***"
"""Stands where a value was that is nobody's to see."""

_MOST_OF_ONE: Final = 20
_LONGEST: Final = 300

_ASKED: Final = frozenset(
    {
        "appid",
        "component_appid",
        "js_code",
        "grant_type",
        "app_id",
        "code",
        "anonymous_code",
        "method",
        "sign_type",
        "timestamp",
    }
)
_ANSWERED: Final = frozenset(
    {"errcode", "errmsg", "openid", "unionid"}
    | {"errno", "error", "error_description", "error_msg", "open_id", "result", "union_id"}
    | {"err_no", "err_tips", "anonymous_openid", "log_id"}
    | {"code", "msg", "sub_code", "sub_msg", "success"}
    | {"userid", "corpid"}
)
_WITHIN: Final = frozenset({"data", "result", "alipay_system_oauth_token_response", "error_response"})
"""What has such fields in it, one level down."""
_HEADERS: Final = frozenset({"host", "user-agent", "accept", "accept-encoding", "content-type", "traceparent"})


@dataclass(frozen=True, slots=True)
class Heard:
    """One call of jscode2session and its answer. ``at`` is Unix time in seconds.

    ``answer`` is None where it was no JSON object: a fault's HTML, half an answer, none at all.
    """

    at: float
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    status: int
    answer: Mapping[str, Any] | None


class HeardLogins:
    """The calls of the newest ``most`` codes, of one code the first few."""

    __slots__ = ("_by_code", "_most")

    def __init__(self, most: int = 1_000) -> None:
        self._most = most
        self._by_code: OrderedDict[str, list[Heard]] = OrderedDict()

    def note(
        self,
        now: float,
        request: tuple[str, str, Asked],
        headers: Iterable[tuple[bytes, bytes]],
        answer: Answer,
    ) -> None:
        """Keep a call; ``request`` is method, path and what was asked. One without a code is nobody's to look for."""
        method, path, asked = request
        code = asked.code
        if not code:
            return
        calls = self._by_code.setdefault(code, [])
        if len(calls) < _MOST_OF_ONE:
            plain = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
            calls.append(
                Heard(
                    now,
                    method[:16],
                    path,
                    _shown(asked.params, _ASKED),
                    _shown(plain, _HEADERS),
                    answer.status,
                    _answered(answer),
                )
            )
        if len(self._by_code) > self._most:
            self._by_code.popitem(last=False)

    def of(self, code: str) -> tuple[Heard, ...]:
        """The calls with this code, in order."""
        return tuple(self._by_code.get(code, ()))


def _shown(values: Mapping[str, Any], harmless: frozenset[str]) -> dict[str, Any]:
    return {
        name[:_LONGEST]: (value[:_LONGEST] if isinstance(value, str) else value) if name in harmless else HIDDEN
        for name, value in values.items()
    }


def _answered(answer: Answer) -> Mapping[str, Any] | None:
    try:
        fields = json.loads(answer.body)
    except ValueError:
        return None
    if not isinstance(fields, dict) or answer.silent:
        return None
    shown = _shown(fields, _ANSWERED)
    within = {
        name: _shown(fields[name], _ANSWERED) for name in _WITHIN & fields.keys() if isinstance(fields[name], dict)
    }
    return {**shown, **within}
