"""Details of the audit log are read by people."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.storage.audit import Audited, AuditRow
from menshen.web.console.audit import detail_of


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ({"reason": "spam", "sessions": 2}, [("reason", "spam"), ("sessions", "2")]),
        ({"until": 0}, [("until", "–")]),
        ({"until": 1_764_288_000}, [("until", '<time datetime="2025-11-28T00:00:00Z">2025-11-28 00:00:00 UTC</time>')]),
        ({"parts": ["apps/shop", "bindings"], "more": 0}, [("parts", "apps/shop, bindings")]),
        ({"parts": [str(each) for each in range(11)]}, [("parts", "0, 1, 2, 3, 4, 5, 6, 7 +3")]),
        ({"parts": [{"what": "added", "part": "apps/shop"}]}, [("parts", "added apps/shop")]),
        ({"new_user": True, "gone": None}, [("new_user", "true"), ("gone", "null")]),
    ],
)
def test_a_detail_is_words_and_moments(detail: dict[str, Any], shown: list[tuple[str, str]]) -> None:
    row = Audited(1, AuditRow(1, "li", "config.change", "", detail))
    assert [(name, str(value)) for name, value in detail_of(row)] == shown
