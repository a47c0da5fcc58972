"""Apps: which mini programs there are, and which plugins log their users in."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from menshen.config.environment import has_reference
from menshen.documents.parts import Json, items_at
from menshen.operators.roles import Scope
from menshen.platforms.registry import PLATFORMS
from menshen.web.console.configuring.editor import Editor
from menshen.web.console.configuring.kinds import APPS
from menshen.web.console.configuring.parts import part_views, running
from menshen.web.console.configuring.referring import Referrer, referrers
from menshen.web.console.forms.showing import Option
from menshen.web.console.view import View, Visit

__all__ = ["app_views", "platform_options"]


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    platform: str
    appid: str
    secret: str
    description: str
    plugins: list[Referrer]


def app_views(editor: Editor) -> list[View]:
    """``/console/apps``."""

    async def listed(visit: Visit) -> Response:
        current = await editor.configuration.current()
        rows = [_row(current.document, app) for app in items_at(current.document, ("apps",))]
        return visit.page("configuring/apps.html", kind=APPS, rows=rows, revision=running(visit, current))

    views = part_views(editor, APPS, lambda _: {"apps[].platform": platform_options()})
    return [View("GET", APPS.path, Scope.CONFIG_READ, listed), *views]


def platform_options() -> list[Option]:
    """The platforms that there are, under the names that people know them by."""
    return [Option(name, _KNOWN.get(name, name)) for name in PLATFORMS]


_KNOWN = {
    "wechat": "微信 WeChat",
    "qq": "QQ",
    "alipay": "支付宝 Alipay",
    "douyin": "抖音 Douyin",
    "baidu": "百度 Baidu",
    "kuaishou": "快手 Kuaishou",
    "xiaohongshu": "小红书 Xiaohongshu",
    "wecom": "企业微信 WeCom",
}


def _row(document: Json, app: Json) -> _Row:
    secret = app.get("secret")
    return _Row(
        name=app["name"],
        platform=app["platform"],
        appid=app["appid"],
        secret=secret if isinstance(secret, str) and has_reference(secret) else "",
        description=app.get("description", ""),
        plugins=referrers(document, "apps", app["name"]),
    )
