"""What a platform's refusal of a call means for the app that it was made for, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from menshen.config.snapshot import App
from menshen.doctor.api_security import WRONG_CERTIFICATE, WRONG_CLOCK, WRONG_KEYS
from menshen.doctor.finding import Finding, Said, Trouble
from menshen.doctor.installation import Installation
from menshen.errors import (
    PlatformLimit,
    PlatformRefusedUs,
    PlatformSaysBusy,
    PlatformTimeout,
    PlatformUnreachable,
    Refusal,
)
from menshen.platforms.base import Platform, RefusedFor, TokenLogins
from menshen.platforms.reply import UNSIGNED
from menshen.platforms.wechat_api_security import NOT_OURS
from menshen.platforms.words import words_of

__all__ = ["REFUSALS", "refusal_seen"]

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

BUSY = Trouble(
    "platform_busy",
    "warning",
    Said(
        "{platform} says that it is busy: the credentials of {appid} are not known to be right",
        "{platform} 返回系统繁忙，无法确认 {appid} 的凭证是否正确",
    ),
    Said("Run menshen doctor again in a minute.", "一分钟后再运行一次 menshen doctor。"),
)
LIMIT = Trouble(
    "platform_limit",
    "warning",
    Said("{platform} says that the quota of {appid} is used up", "{platform} 返回 {appid} 的调用额度已用完"),
    Said(
        "Wait a minute, or a day if it is the day's quota, and if it stays so raise the quota at {page}.",
        "等一分钟，若是当日额度用完则等一天；若持续如此，请到 {page} 提升额度。",
    ),
)
NONSENSE = Trouble(
    "platform_answers_nonsense",
    "failed",
    Said("what answers is not {platform} as it is documented: {why}", "应答内容不符合 {platform} 的接口文档：{why}"),
    Said(
        "Correct the base_url of the app, or take away the proxy in front of the platform.",
        "修正该应用的 base_url，或去掉平台前面的代理。",
    ),
)
NO_ANSWER = Trouble(
    "platform_no_answer",
    "failed",
    Said("{platform} took the call and did not answer: {why}", "{platform} 接受连接后没有应答：{why}"),
    Said(
        "Run menshen doctor again, and if it stays so look at what is between this machine and {host}.",
        "再运行一次 menshen doctor；若仍如此，请检查本机与 {host} 之间的网络设备。",
    ),
)
WRONG_APPID = Trouble(
    "appid_wrong",
    "failed",
    Said("{platform} does not know the {id} {appid} ({errcode})", "{platform} 不认识 {id} {appid}（{errcode}）"),
    Said(
        "Copy the {id} again from {page}, correct it in the configuration and apply that.",
        "从 {page} 重新复制 {id}，改正配置后重新应用。",
    ),
)
WRONG_SECRET = Trouble(
    "appsecret_wrong",
    "failed",
    Said("the {credential} is not the one of {appid} ({errcode})", "{credential} 不属于 {appid}（{errcode}）"),
    Said("Copy the {credential} again from {page}, {how}.", "从 {page} 重新复制 {credential}，{how}。"),
)
WRONG_CREDENTIALS = Trouble(
    "credentials_wrong",
    "failed",
    Said(
        "{platform} does not take the {id} {appid} with this {credential} ({errcode})",
        "{platform} 不接受 {id} {appid} 与当前 {credential}（{errcode}）",
    ),
    Said("Copy {id} and {credential} again from {page}, {how}.", "从 {page} 重新复制 {id} 和 {credential}，{how}。"),
)
WRONG_PLATFORM_KEY = Trouble(
    "platform_key_wrong",
    "failed",
    Said(
        "{platform} answers {appid}, but not with a signature of the platform_key",
        "{platform} 对 {appid} 有应答，但签名与 platform_key 不符",
    ),
    Said(
        "Copy the platform's public key, which is not the app's own, again from {page}, and correct platform_key.",
        "从 {page} 重新复制平台公钥（不是应用公钥），并改正 platform_key。",
    ),
)
UNKNOWN_PLATFORM_KEY = Trouble(
    "platform_key_unknown",
    "failed",
    Said(
        "{platform} does not know the platform_key of {appid} ({errcode})",
        "{platform} 不认识 {appid} 的 platform_key（{errcode}）",
    ),
    Said(
        "Copy the CorpID again (work.weixin.qq.com > 我的企业 > 企业信息), and correct platform_key.",
        "重新复制企业 ID（work.weixin.qq.com > 我的企业 > 企业信息），并改正 platform_key。",
    ),
)
NOT_PERMITTED = Trouble(
    "app_not_permitted",
    "failed",
    Said(
        "{platform} does not let {appid} make this call ({errcode})",
        "{platform} 不允许 {appid} 调用该接口（{errcode}）",
    ),
    Said(
        "See at {page} whether the app is frozen, unverified or without this interface.",
        "到 {page} 查看该应用是否被冻结、未认证或未开通该接口。",
    ),
)
WRONG_TRANSPORT = Trouble(
    "platform_address_wrong",
    "failed",
    Said(
        "{platform} did not get the call as it was sent ({errcode})", "{platform} 收到的请求与发出的不符（{errcode}）"
    ),
    Said(
        "Correct the base_url of the app (https, no path of your own) or leave it out.",
        "修正该应用的 base_url（使用 https，不带自定义路径）或将其删除。",
    ),
)
NOT_LISTED = Trouble(
    "address_not_listed",
    "warning",
    Said(
        "logins work, access tokens do not: this machine's address is not on the list of {appid} ({errcode})",
        "可以登录，但无法获取 access token：本机地址不在 {appid} 的 IP 白名单中（{errcode}）",
    ),
    Said(
        "Add the public address of this machine to the IP whitelist (IP 白名单) at {page}.",
        "到 {page} 把本机公网地址加入 IP 白名单。",
    ),
)
SHUT_OUT = Trouble(
    "address_shut_out",
    "failed",
    Said(
        "{platform} takes no calls for {appid} from this machine: its address is not on the list ({errcode})",
        "{platform} 不接受本机为 {appid} 发起的调用：本机地址不在 IP 名单中（{errcode}）",
    ),
    Said(
        "Add this machine's public address to the app's addresses (企业可信IP, IP 白名单, 服务器出口 IP) at {page}.",
        "到 {page} 把本机公网地址加入 IP 名单（企业可信IP、IP 白名单或服务器出口 IP）。",
    ),
)
NOT_APPROVED = Trouble(
    "address_not_approved",
    "warning",
    Said(
        "logins work, access tokens do not: the administrator of {appid} has not approved this machine ({errcode})",
        "可以登录，但无法获取 access token：{appid} 的管理员尚未批准本机（{errcode}）",
    ),
    Said(
        "Let the app's administrator approve the call in the message that the platform has sent him.",
        "请该应用的管理员在平台发来的消息中确认。",
    ),
)
REFUSALS: Final = (
    BUSY,
    LIMIT,
    NONSENSE,
    NO_ANSWER,
    WRONG_APPID,
    WRONG_SECRET,
    WRONG_CREDENTIALS,
    WRONG_PLATFORM_KEY,
    UNKNOWN_PLATFORM_KEY,
    NOT_PERMITTED,
    WRONG_TRANSPORT,
    NOT_LISTED,
    SHUT_OUT,
    NOT_APPROVED,
    WRONG_KEYS,
    WRONG_CLOCK,
    WRONG_CERTIFICATE,
)
"""Every trouble that a refusal can mean."""

_MEANS: Final[Mapping[RefusedFor, Trouble]] = {
    "appid": WRONG_APPID,
    "secret": WRONG_SECRET,
    "credentials": WRONG_CREDENTIALS,
    "platform_key": UNKNOWN_PLATFORM_KEY,
    "permission": NOT_PERMITTED,
    "address": NOT_LISTED,
    "approval": NOT_APPROVED,
    "transport": WRONG_TRANSPORT,
    "keys": WRONG_KEYS,
    "clock": WRONG_CLOCK,
}


def refusal_seen(installation: Installation, platform: Platform, app: App, host: str, refusal: Refusal) -> Finding:
    """What it means that the platform at this host refused a call made for this app."""
    words = words_of(platform)
    facts: dict[str, Said | str | float] = {
        "platform": platform.name,
        "appid": _whose(app, refusal),
        "id": words.appid,
        "credential": Said(*words.secret),
        "page": platform.settings_page,
        "errcode": refusal.platform_errcode if refusal.platform_errcode is not None else "-",
        "host": host,
        "why": refusal.detail or refusal.reason,
    }
    how = _how(installation, app)
    if isinstance(refusal, PlatformRefusedUs):
        about = platform.refused_for.get(refusal.platform_errcode or 0, "credentials")
        # Without access tokens there are logins on most platforms, and none on these.
        meant = SHUT_OUT if about == "address" and isinstance(platform, TokenLogins) else _MEANS[about]
        return meant.seen(how=how, **facts)
    if isinstance(refusal, PlatformSaysBusy):
        return BUSY.seen(**facts)
    if isinstance(refusal, PlatformLimit):
        return LIMIT.seen(**facts)
    if isinstance(refusal, PlatformUnreachable | PlatformTimeout):
        return NO_ANSWER.seen(**facts)
    if refusal.detail == NOT_OURS:
        return WRONG_CERTIFICATE.seen(**facts)
    if refusal.detail == UNSIGNED:
        return WRONG_PLATFORM_KEY.seen(**facts)
    return NONSENSE.seen(**facts)


_APP_ALONE: Final = 40013
"""Of an app that logs in by a component, the one errcode that is about the app's own AppID."""


def _whose(app: App, refusal: Refusal) -> str:
    """The AppID that the platform has something against."""
    if app.component is None or refusal.platform_errcode == _APP_ALONE:
        return app.appid
    return app.component.appid


def _how(installation: Installation, app: App) -> Said:
    """How a new AppSecret gets to where the old one is."""
    written = [each for each in installation.raw.get("apps", ()) if each.get("name") == app.name]
    names = _VARIABLE.findall(str(written[0].get("secret", ""))) if written else []
    if names:
        variables = ", ".join(names)
        return Said(f"set {variables} and restart serve", f"设置环境变量 {variables} 并重启 serve")
    return Said(
        f"write it to the app {app.name} in the configuration and apply that", f"写入配置中的应用 {app.name} 并重新应用"
    )
