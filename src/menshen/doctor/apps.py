"""Apps: their platform can be reached and takes their credentials, which are told in its own words.

Nothing is used up. A code that no platform has made is refused for itself where the credentials are right, and for them
where they are not; no user's code is ever sent. An access token is asked for only at a platform that then gives the
present one (``stable_tokens``), without force, and is dropped: no holder's token ends by it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Final

from yarl import URL

from menshen.config.snapshot import App
from menshen.doctor.api_security import CERTIFICATE_CHANGES, CERTIFICATE_ENDS, keys_tried
from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation
from menshen.doctor.platform_refusals import REFUSALS, refusal_seen
from menshen.doctor.reaching import Unreached, reach
from menshen.errors import CodeRefused, PlatformReplyInvalid, Refusal, UserBlocked
from menshen.platforms.base import Platform, TokenLogins, TokenRefused
from menshen.platforms.registry import adapter_of
from menshen.platforms.words import words_of
from menshen.secret import Secret

__all__ = ["CHECK"]

_NO_CODES: Final = ("menshen-doctor-asks-with-no-code", "0" * 32, "0" * 16, "0" * 8)
"""Of the form of a code, and none: platforms make letters and digits. Those of a package may make less than that."""

_NO_TOKEN: Final = Secret("menshen-doctor-has-no-token")

_REACH_SECONDS: Final = 2.0

NO_NAME = Trouble(
    "platform_name_unknown",
    "failed",
    Said("the name {host} is not found", "找不到域名 {host}"),
    Said(
        "Correct the DNS of this machine (/etc/resolv.conf) or the base_url of the app.",
        "修正本机 DNS（/etc/resolv.conf）或该应用的 base_url。",
    ),
)
NO_WAY = Trouble(
    "platform_unreachable",
    "failed",
    Said("{host}:{port} {why}", "无法连接 {host}:{port}（{why}）"),
    Said(
        "Let this machine out to {host}:{port} in the firewall or security group, or correct the base_url of the app.",
        "在防火墙或安全组中放行本机到 {host}:{port} 的访问，或修正该应用的 base_url。",
    ),
)
BAD_TLS = Trouble(
    "platform_certificate_refused",
    "failed",
    Said("{host}:{port} {why}", "{host}:{port} 的证书不被接受（{why}）"),
    Said(
        "Install the system's CA certificates (ca-certificates), and find out who answers in the place of {host}.",
        "安装系统 CA 证书（ca-certificates），并查明是谁在代替 {host} 应答。",
    ),
)


async def _run(installation: Installation, subject: str) -> Sequence[Finding]:
    (app,) = [each for each in installation.snapshot.apps if each.name == subject]
    platform = adapter_of(app, installation.client.platforms)
    address = URL(app.base_url or platform.default_base_url)
    failure = await _reached(address)
    if failure is not None:
        return [_UNREACHED[failure.stage].seen(host=address.host or "", port=address.port or 443, why=failure.words)]
    found: Refusal | Sequence[Finding] = await _login(installation, platform, app) or ()
    # Asked in turn, not at once: a wrong AppSecret would only be said twice.
    if not found and platform.stable_tokens:
        found = await _with_token(installation, platform, app)
    if isinstance(found, Refusal):
        return [refusal_seen(installation, platform, app, address.host or "", found)]
    if app.component is not None:
        return [
            well(
                f"{platform.name} answers; whether {app.appid} has authorised {app.component.appid} is not tried, as "
                "that takes the component's access token",
                f"{platform.name} 有应答；未验证 {app.appid} 是否已授权给 {app.component.appid}，"
                "因为那需要第三方平台的 access token",
            )
        ]
    secret = Said(*words_of(platform).secret)
    if isinstance(platform, TokenLogins) and not platform.stable_tokens:
        return [
            well(
                f"{platform.name} answers; the {secret.en} of {app.appid} is not tried, as that would cut short the "
                "life of its access token",
                f"{platform.name} 有应答；未验证 {app.appid} 的 {secret.zh}，因为那会缩短其现有 access token 的有效期",
            )
        ]
    return found or [
        well(
            f"{platform.name} takes {app.appid} and its {secret.en}",
            f"{platform.name} 接受 {app.appid} 及其 {secret.zh}",
        )
    ]


def _subjects(installation: Installation) -> Sequence[str]:
    return [app.name for app in installation.snapshot.apps]


async def _reached(address: URL) -> Unreached | None:
    context = await asyncio.to_thread(ssl.create_default_context) if address.scheme == "https" else None
    return await reach(address.host or "", address.port or 443, context, seconds=_REACH_SECONDS)


async def _login(installation: Installation, platform: Platform, app: App) -> Refusal | None:
    """What is wrong; None where the platform has nothing but the code against us."""
    code = next((each for each in _NO_CODES if platform.code_pattern.fullmatch(each)), _NO_CODES[0])
    try:
        if isinstance(platform, TokenLogins):
            await installation.client.run(platform.code2session_by(app, _NO_TOKEN, code))
        else:
            await installation.client.run(platform.code2session(app, code))
    except (CodeRefused, UserBlocked, TokenRefused):
        return None
    except Refusal as refusal:
        return refusal
    return PlatformReplyInvalid("it gave a session for a code that nobody made")


async def _with_token(installation: Installation, platform: Platform, app: App) -> Refusal | Sequence[Finding]:
    """What is wrong with having an access token, and with the signed call that needs one; or what soon will be."""
    try:
        made = await installation.client.run(platform.access_token(app, False))
    except Refusal as refusal:
        return refusal
    if app.api_security is None:
        return ()
    return await keys_tried(installation, platform, app, app.api_security, made.token)


_UNREACHED: Final = {"name": NO_NAME, "connection": NO_WAY, "certificate": BAD_TLS}

CHECK = Check(
    "app",
    Said(
        "For each app: DNS, connection and certificate of its platform, then whether the platform takes the app's "
        "credentials, lets this machine have access tokens, and takes the keys of api_security where an app has them. "
        "No code and no access token is used up.",
        "对每个应用：平台的 DNS、连接和证书，平台是否接受该应用的凭证，是否允许本机获取 access token，"
        "以及是否接受 api_security 的密钥（如有）。"
        "不消耗任何 code 或 access token。",
    ),
    (NO_NAME, NO_WAY, BAD_TLS, *REFUSALS, CERTIFICATE_CHANGES, CERTIFICATE_ENDS),
    _run,
    _subjects,
)
