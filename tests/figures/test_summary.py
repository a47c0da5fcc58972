"""What a tally says to a person."""

from __future__ import annotations

from menshen.figures.summary import AppFigures, ErrorFigures, RouteFigures, summary_of
from menshen.figures.tally import Tally

TALLY: Tally = {
    "requests": {"2xx": 85, "3xx": 5, "4xx": 7, "5xx": 3},
    "request_ms": {"10": 99, "1000": 1, "us": 1},
    "logins": {"shop ok": 3, "other ok": 1, "shop code_used": 2},
    "decisions": {"allow": 50, "anonymous": 2, "public": 1, "login": 4, "session_missing": 6, "platform_timeout": 1},
    "api": {"ok": 9, "session_missing": 1, "code_used": 2},
    "alone": {"route": 3},
    "routes": {"mall/order 2xx": 60, "mall/order 5xx": 2, "mall/news 3xx": 5},
    "calls": {"wechat shop ok": 3, "wechat shop code_used": 2, "wechat shop platform_timeout": 1, "qq chat failed": 1},
}


def test_a_minute_is_summed_up() -> None:
    told = summary_of(TALLY, 50.0)
    assert (told.requests, told.per_second, told.success) == (100, 2.0, 0.9)
    assert told.p50_ms is not None
    assert 5 <= told.p50_ms <= 10
    assert told.logins == {"ok": 4, "code_used": 2}
    assert told.alone == {"route": 3}
    assert told.apis == [RouteFigures("mall/order", 62, 2), RouteFigures("mall/news", 5, 0)]


def test_what_went_well_is_no_error_and_both_doors_count() -> None:
    assert summary_of(TALLY, 1.0).errors == [
        ErrorFigures("session_missing", 7),
        ErrorFigures("code_used", 2),
        ErrorFigures("platform_timeout", 1),
    ]


def test_a_platform_is_not_blamed_for_what_clients_send() -> None:
    assert summary_of(TALLY, 1.0).apps == [
        AppFigures("chat", "qq", 1, 1, {"failed": 1}),
        AppFigures("shop", "wechat", 6, 1, {"platform_timeout": 1}),
    ]


def test_of_nothing_nothing_is_made_up() -> None:
    told = summary_of({}, 0.0)
    assert (told.requests, told.per_second, told.success, told.p50_ms, told.p99_ms) == (0, 0.0, None, None, None)
    assert told.errors == told.apis == told.apps == []


def test_lists_are_short_however_much_there_is() -> None:
    told = summary_of({"routes": {f"g/a{number} 2xx": number + 1 for number in range(3000)}}, 1.0)
    assert len(told.apis) == 10
    assert told.apis[0] == RouteFigures("g/a2999", 3000, 0)
