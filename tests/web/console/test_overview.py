"""The first page: numbers as they are, in words of both languages, and what to do where there is nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from menshen.errors import DatabaseUnavailable
from menshen.figures.readings import Readings, Span
from menshen.figures.tally import Tally
from menshen.operators.roles import Role
from menshen.web.console.overview import duration, overview_views, share
from menshen.web.console.preferences import preference_views
from menshen.web.console.view import View
from menshen.web.figures import FigureDesk
from tests.web.console.browsing import Browser, browsing

MINUTE: Tally = {"requests": {"2xx": 110, "4xx": 10}, "request_ms": {"20": 120}}
DAY: Tally = {
    "requests": {"2xx": 1_234_560, "5xx": 7},
    "request_ms": {"20": 1_234_560, "2000": 7},
    "decisions": {"allow": 9, "session_missing": 5, "platform_refused_credentials": 2},
    "logins": {"shop ok": 40, "shop platform_refused_credentials": 2},
    "calls": {"wechat shop ok": 4, "wechat shop platform_refused_credentials": 2},
    "routes": {"mall/order 2xx": 1000, "mall/order 5xx": 7},
    "alone": {"limit": 3},
}
READINGS = Readings(
    lately=MINUTE,
    seconds=60.0,
    endpoints={"orders": [("10.0.0.1:80", True), ("10.0.0.2:80", False)]},
    envoy_up=True,
    workers=2,
    workers_running=2,
    revision=7,
    key_ages={"sealed": 86_400 * 3 + 5},
    sessions=12_000,
)


def views(readings: Readings = READINGS, day: Tally | None = DAY, apps: int = 1) -> list[View]:
    async def spans() -> Sequence[Span]:
        if day is None:
            raise DatabaseUnavailable("planted-dsn")
        return [Span(600 * number, day if number == 2 else {}) for number in range(144)]

    desk = FigureDesk(lambda: readings, spans, lambda: 0.0)
    return [*overview_views(desk, lambda: apps), *preference_views()]


def figure(page: str, name: str) -> str:
    found = re.search(rf'id="figure-{name}">([^<]*)<', page)
    assert found, page
    return found[1]


def test_the_numbers_are_there() -> None:
    async def work(browser: Browser) -> None:
        got = await browser.get("/console/")
        assert got.status == 200
        assert figure(got.text, "requests") == "2.0"
        assert figure(got.text, "success") == "91.6 %"
        assert figure(got.text, "duration") == "15 ms · 20 ms"
        assert figure(got.text, "logins") == "40"
        words = got.words()
        for said in (
            "1 234 567 in 24 hours",
            "99.9 % in 24 hours, 7 answers were 5xx",
            "session_missing 5",
            "platform_refused_credentials 2",
            "Yours to fix",
            "mall/order 1 007",
            "7 answered with 5xx by the backend",
            "shop wechat unwell",
            "6 calls, 2 failed · platform_refused_credentials 2",
            "1 of 2 healthy",
            "10.0.0.2:80",
            "a rate limit 3",
            "Key of sealed login states 3 days old",
            "12 000",
        ):
            assert said in words, said
        assert "10.0.0.1" not in words

    browsing(views(), work)


def test_the_page_is_chinese_for_who_reads_chinese() -> None:
    async def work(browser: Browser) -> None:
        browser.language = "zh-CN"
        words = (await browser.get("/console/")).words()
        for said in ("概览", "每秒请求数", "成功率", "需要你处理", "1 / 2 健康", "加密登录态密钥 已用 3 天"):
            assert said in words, said
        assert "Requests a second" not in words

    browsing(views(), work)


def test_it_stays_current_by_asking_for_a_part_that_takes_no_focus() -> None:
    async def work(browser: Browser) -> None:
        page = await browser.get("/console/")
        assert 'hx-get="/console/overview/now" hx-trigger="every 2s"' in page.text
        part = await browser.get("/console/overview/now", hx_request="true")
        assert part.status == 200
        assert "<html" not in part.text
        assert figure(part.text, "requests") == "2.0"
        assert not re.search(r"<(a|button|input|details|select)\b|tabindex", part.text)

    browsing(views(), work)


def test_pictures_have_words_and_no_style_of_their_own() -> None:
    async def work(browser: Browser) -> None:
        text = (await browser.get("/console/")).text
        pictures = re.findall(r"<svg[^>]*>", text)
        assert len(pictures) == 4
        for picture in pictures:
            assert 'role="img"' in picture
            assert re.search(r'aria-label="[^"]*(ten minutes|at most)', picture)
        assert "style=" not in text
        assert "at most 1\u202f234\u202f567 in ten minutes" in text

    browsing(views(), work)


@pytest.mark.parametrize(("role", "link"), [(Role.OPERATOR, "/console/apps/-/new"), (Role.VIEWER, "")])
def test_a_gateway_without_an_app_says_where_to_begin(role: Role, link: str) -> None:
    async def work(browser: Browser) -> None:
        got = await browser.get("/console/")
        assert "No app yet" in got.words()
        assert ("Create an app" in got.words()) == bool(link)
        assert f'href="{link}"' in got.text or not link
        for nothing in ("Nothing was refused.", "No request has reached a backend.", "No upstream is configured."):
            assert nothing in got.words()
        assert figure(got.text, "success") == "–"

    browsing(views(Readings(envoy_up=True, workers=1, workers_running=1), {}, apps=0), work, role)


def test_a_gateway_that_nobody_calls_says_so() -> None:
    async def work(browser: Browser) -> None:
        words = (await browser.get("/console/")).words()
        assert "No request has come in the last 24 hours" in words
        assert "No app yet" not in words

    browsing(views(Readings(envoy_up=True, workers=1, workers_running=1), {}), work)


@pytest.mark.parametrize(
    ("readings", "day", "said"),
    [
        (Readings(envoy_up=False, workers=1, workers_running=1), DAY, "Envoy does not run"),
        (Readings(envoy_up=True, workers=1, workers_running=0), DAY, "No worker runs"),
        (Readings(envoy_up=True, workers=1, workers_running=1), None, "The database does not answer"),
    ],
)
def test_what_is_wrong_with_the_node_is_said_first(readings: Readings, day: Tally | None, said: str) -> None:
    async def work(browser: Browser) -> None:
        got = await browser.get("/console/")
        assert got.status == 200
        assert said in got.words()
        assert "planted" not in got.text

    browsing(views(readings, day), work)


def test_who_may_see_figures_sees_them_and_no_other() -> None:
    async def seen(browser: Browser) -> None:
        assert (await browser.get("/console/overview/now")).status == 200

    async def unseen(browser: Browser) -> None:
        assert (await browser.get("/console/overview/now")).status == 303

    browsing(views(), seen, Role.VIEWER)
    browsing(views(), unseen, None)


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (1.0, "100 %"), (0.99999, "99.9 %"), (0.5, "50.0 %"), (0.0, "0.0 %")]
)
def test_not_all_is_never_said_to_be_all(value: float | None, text: str) -> None:
    assert share(value) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(None, "–"), (0.42, "0.4 ms"), (12.4, "12 ms"), (999.0, "999 ms"), (1500.0, "1.5 s")]
)
def test_durations_are_short(milliseconds: float | None, text: str) -> None:
    assert duration(milliseconds) == text
