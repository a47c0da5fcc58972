"""WeChat's voice, in the texts that are quoted in ``reference/platform-apis.md`` 1.1."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from menshen.emulator import identifiers
from menshen.emulator.dialect import Dialect

__all__ = ["WECHAT"]

WECHAT: Final = Dialect(
    content_type="text/plain",  # without charset, though the body is UTF-8
    errors=MappingProxyType(
        {
            "wrong_method": (41002, "appid missing"),  # forum: what a POST gets
            "no_appid": (41002, "appid missing"),
            "no_secret": (41004, "appsecret missing"),
            "no_code": (41008, "missing code"),
            "wrong_grant_type": (40002, "invalid grant_type"),
            "wrong_appid": (40013, "invalid appid"),
            "wrong_secret": (40125, "invalid appsecret"),
            "wrong_code": (40029, "invalid code"),
            "used_code": (40163, "code been used"),
            "blocked": (40226, "code blocked"),
            "over_quota": (45011, "api minute-quota reach limit mustslower retry next minute"),
            "busy": (-1, "system error"),
            "wrong_verb": (43002, "require POST method"),
            "wrong_body": (47001, "data format error"),
            "no_token": (41001, "access_token missing"),
            "malformed_token": (40014, "invalid access_token"),
            "wrong_token": (40001, "invalid credential, access_token is invalid or not latest"),
            "expired_token": (42001, "access_token expired"),
            "wrong_openid": (40003, "invalid openid"),
            "wrong_phone_code": (40029, "invalid code"),
            "foreign_phone_code": (40013, "invalid appid"),
            "wrong_sig_method": (87008, "invalid sig_method"),
            "wrong_signature": (87009, "invalid signature"),
            "day_quota": (45009, "reach max api daily quota limit"),
            "unauthorized": (48001, "api unauthorized"),
            "address_not_listed": (40164, "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist"),
            "address_not_approved": (89503, "ip must be approved by the administrator"),
            "not_authorized": (61003, "component is not authorized by this account"),
            "expired_ticket": (61005, "component ticket is expired"),
            "wrong_ticket": (61006, "component ticket is invalid"),
            "wrong_component": (61011, "invalid component"),
            # The texts are known of one: a library's tracker has it.
            "no_signed_appid": (40233, "missing wechatmp-appid"),
            "no_timestamp": (40231, "missing wechatmp-timestamp"),
            "no_signature": (40232, "missing wechatmp-signature"),
            "wrong_api_signature": (40234, "invalid signature"),
            "wrong_encryption": (40235, "invalid encrypt"),
            "unmatched_appid": (40237, "invalid wechatmp-appid match"),
            "expired_timestamp": (40240, "expired wechatmp-timestamp"),
        }
    ),
    greets=MappingProxyType({}),  # no errcode on success, whatever the interface page shows
    parting=MappingProxyType({}),
    sends_rid=True,
    openid=identifiers.wechat_openid,
    unionid=identifiers.wechat_unionid,
    session_key=identifiers.wechat_session_key,
    apis=MappingProxyType(
        {
            "/cgi-bin/stable_token": "stable_token",
            "/cgi-bin/token": "token",
            "/cgi-bin/component/api_component_token": "component_token",
            "/wxa/business/getuserphonenumber": "phone_number",
            "/wxa/checksession": "check_session",
            "/wxa/resetusersessionkey": "reset_session_key",
        }
    ),
    secured=frozenset({"phone_number"}),
)
