"""What apps and the third-party platforms (``components``) that they log in by must agree on."""

from __future__ import annotations

from collections.abc import Iterator

from menshen.config.apps import App
from menshen.config.outline import At, Outline
from menshen.errors import Problem

__all__ = ["component_problems"]

_PLATFORM = "wechat"


def component_problems(outline: Outline) -> Iterator[Problem]:
    """All problems, of the components and of every app's way to log in."""
    first: dict[str, str] = {}
    for component in outline.components:
        appid = component.value.appid
        if appid in first:
            yield Problem(
                f"{component.path}.appid",
                f"the component at {first[appid]} has this AppID",
                f"AppID 与 {first[appid]} 重复",
            )
        first.setdefault(appid, component.path)
    if outline.components and outline.listener is not None and not outline.listener.client_api:
        yield Problem(
            "listener.client_api",
            "WeChat pushes the tickets of components to the client API, which is switched off here",
            "微信向客户端接口推送第三方平台的 ticket，而此处已将其关闭",
        )
    names = frozenset(name.value for name in outline.names.components)
    for app in outline.apps:
        yield from _app(app, names)


def _app(app: At[App], names: frozenset[str]) -> Iterator[Problem]:
    value = app.value
    if value.component is None:
        return
    if value.secret is not None:
        yield Problem(
            f"{app.path}.secret",
            "an app that logs in by a component has no secret here; give one of the two",
            "通过第三方平台登录的应用不填 secret，二者只能填一个",
        )
    if value.api_security is not None:
        yield Problem(
            f"{app.path}.api_security",
            "no call that it is for is made for an app that logs in by a component",
            "通过第三方平台登录的应用没有需要 api_security 的调用",
        )
    if value.platform != _PLATFORM:
        yield Problem(
            f"{app.path}.component",
            "only apps of the platform 'wechat' log in by a component",
            "仅平台 'wechat' 的应用可通过第三方平台登录",
        )
    if value.component not in names:
        yield Problem(
            f"{app.path}.component",
            f"no component is named '{value.component}'",
            f"第三方平台 '{value.component}' 不存在",
        )
    if value.base_url:
        # The component's access token, which opens all its customers' apps, would go wherever one app says.
        yield Problem(
            f"{app.path}.base_url",
            "is the component's where an app logs in by one",
            "通过第三方平台登录的应用使用该平台的 base_url",
        )
