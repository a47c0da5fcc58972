"""WeChat mini programs whose users a third-party platform (第三方平台, "component") logs in for their owners.

The component has the token, the apps have none: ``component_access_token`` comes for its AppSecret and the ticket that
WeChat pushes every ten minutes. Facts: developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/login/
api_thirdpartycode2session, .../openApi/ticket-token/api_getcomponentaccesstoken, and
.../Third-party_Platforms/2.0/api/ThirdParty/token/component_access_token (``reference/platform-apis.md`` 1.10).

What an app's own access token is for (``authorizer_access_token``: phone codes, checks of session_keys) is not offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from menshen.config.snapshot import App, Component
from menshen.errors import (
    ComponentNotAuthorized,
    ComponentTicketMissing,
    InternalFault,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformSaysBusy,
)
from menshen.platforms import wechat
from menshen.platforms.bare import BareTokenPlatform
from menshen.platforms.base import (
    TOKEN_TIMEOUT,
    Flow,
    PlatformIdentity,
    PlatformRequest,
    PlatformToken,
    RefusedFor,
    TokenRefused,
    address,
)
from menshen.platforms.open_data import BySessionKey
from menshen.platforms.reply import ErrorTable, read_token
from menshen.platforms.tencent import CODE_PATTERN, read_identity
from menshen.platforms.tencent_reply import read_fields
from menshen.secret import Secret

__all__ = ["ERRORS", "TOKEN_ERRORS", "WeChatComponent"]

ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        **wechat.ERRORS,
        40001: TokenRefused,  # global table: wrong, or superseded by a newer one; not seen for this call
        40014: TokenRefused,  # global table: malformed; not seen for this call
        40090: PlatformRefusedUs,  # forum: our address
        40094: TokenRefused,  # forum: the token is not the one of this component
        42001: TokenRefused,  # global table: expired; not seen for this call
        61003: ComponentNotAuthorized,  # interface page: the app has not authorised the component
        61004: PlatformRefusedUs,  # token page: our address; not seen for this call
        61011: PlatformRefusedUs,  # token page: no such component; not seen for this call
    }
)

TOKEN_ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        -1: PlatformSaysBusy,  # interface page
        40001: PlatformRefusedUs,  # interface page: AppSecret wrong
        40013: PlatformRefusedUs,  # interface page: not an AppID
        40125: PlatformRefusedUs,  # interface page: AppSecret wrong
        41004: PlatformRefusedUs,  # interface page: no AppSecret
        45009: PlatformLimit,  # interface page: the day's quota
        45011: PlatformLimit,  # global table: the minute's quota
        47001: PlatformRefusedUs,  # interface page: not JSON; only a wrong address can do this to us
        48001: PlatformRefusedUs,  # interface page: the component may not use this API
        61004: PlatformRefusedUs,  # interface page: our address is not on the component's list
        61005: ComponentTicketMissing,  # interface page: the ticket is expired
        61006: ComponentTicketMissing,  # interface page: the ticket is invalid
        61011: PlatformRefusedUs,  # interface page and forum: not the AppID of a component
    }
)

REFUSED_FOR: Final[Mapping[int, RefusedFor]] = MappingProxyType(
    {
        **wechat.REFUSED_FOR,
        40001: "secret",
        40090: "address",
        47001: "transport",
        61004: "address",
        61011: "appid",
    }
)


class WeChatComponent(BySessionKey, BareTokenPlatform):
    """The adapter of apps that have a ``component``. Stateless."""

    __slots__ = ()

    name = wechat.WeChat.name
    plugin_type = wechat.WeChat.plugin_type
    words = replace(wechat.WeChat.words, proof=("the third-party platform's access token", "第三方平台的 access token"))
    default_base_url = wechat.WeChat.default_base_url
    code_pattern = CODE_PATTERN
    refused_for = REFUSED_FOR
    settings_page = "open.weixin.qq.com > 管理中心 > 第三方平台"

    def code2session_by(self, app: App, token: Secret, code: str) -> Flow[PlatformIdentity]:
        """``GET {base}/sns/component/jscode2session``. Raises TokenRefused, ComponentNotAuthorized and the others."""
        component, given = _component(app), self.possible(code)
        reply = yield PlatformRequest(
            "GET",
            address(app, self.default_base_url, "/sns/component/jscode2session"),
            query={
                "appid": app.appid,
                "js_code": given,
                "grant_type": "authorization_code",
                "component_appid": component.appid,
                "component_access_token": token,
            },
        )
        return read_identity(reply, ERRORS, hidden=(token, given))

    def access_token(self, *_: object, **__: object) -> Flow[PlatformToken]:
        raise InternalFault("a component's access token needs a ticket")

    def access_token_by(self, app: App, ticket: Secret) -> Flow[PlatformToken]:
        """``POST {base}/cgi-bin/component/api_component_token``. Raises ComponentTicketMissing and the others."""
        component = _component(app)
        reply = yield PlatformRequest(
            "POST",
            address(app, self.default_base_url, "/cgi-bin/component/api_component_token"),
            json={
                "component_appid": component.appid,
                "component_appsecret": component.secret,
                "component_verify_ticket": ticket,
            },
            timeout=TOKEN_TIMEOUT,
        )
        fields = read_fields(reply, TOKEN_ERRORS, hidden=(component.secret, ticket))
        return read_token({**fields, "access_token": fields.get("component_access_token")})


def _component(app: App) -> Component:
    if app.component is None:
        raise InternalFault("an app without a component")
    return app.component
