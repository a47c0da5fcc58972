"""Apps with keys of API security: whether the platform takes them, and until when its certificate holds.

A phone code that nobody made is asked for: a platform that has only that against the call has taken signature and
encryption. No number is told, so nothing is paid for. A certificate is taken after its end all the same: the platform
says when it changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from menshen.config.snapshot import ApiSecurity, App
from menshen.doctor.finding import Finding, Said, Trouble
from menshen.doctor.installation import Installation
from menshen.errors import PhoneCodeInvalid, PlatformReplyInvalid, PlatformSaysBusy, Refusal
from menshen.platforms.app_key_forms import certificate
from menshen.platforms.base import Flow, Platform, PlatformPhone, TokenRefused
from menshen.platforms.wechat_api_security import DEPRECATED
from menshen.secret import Secret

__all__ = ["CERTIFICATE_CHANGES", "CERTIFICATE_ENDS", "WRONG_CERTIFICATE", "WRONG_CLOCK", "WRONG_KEYS", "keys_tried"]

_NO_CODE: Final = "menshen-doctor-asks-with-no-code"
_NO_OPENID: Final = "menshen-doctor-asks-for-nobody"
_WARN: Final = timedelta(days=30)

WRONG_KEYS = Trouble(
    "api_security_keys_wrong",
    "failed",
    Said(
        "{platform} does not take the api_security of {appid} ({errcode}): no phone number can be had",
        "{platform} 不接受 {appid} 的 api_security（{errcode}），无法获取手机号",
    ),
    Said(
        "Compare private_key, symmetric_key and symmetric_key_sn with API 安全 at {page}.",
        "到 {page} 的“API 安全”核对 private_key、symmetric_key 与 symmetric_key_sn。",
    ),
)
WRONG_CLOCK = Trouble(
    "platform_refuses_our_clock",
    "failed",
    Said(
        "{platform} finds that what {appid} signs is too old ({errcode})",
        "{platform} 认为 {appid} 的签名时间已过期（{errcode}）",
    ),
    Said(
        "Set the clock by NTP (timedatectl set-ntp true, or chrony) and run menshen doctor again.",
        "用 NTP 校准时钟（timedatectl set-ntp true 或 chrony），然后再运行一次 menshen doctor。",
    ),
)
WRONG_CERTIFICATE = Trouble(
    "platform_certificate_wrong",
    "failed",
    Said(
        "{platform} answers {appid}, but not with a signature of the platform_certificate",
        "{platform} 对 {appid} 有应答，但签名与 platform_certificate 不符",
    ),
    Said(
        "Download the platform's certificate again from {page}, and correct platform_certificate and its number.",
        "从 {page} 重新下载平台证书，并改正 platform_certificate 及其编号。",
    ),
)
CERTIFICATE_CHANGES = Trouble(
    "platform_certificate_changes",
    "warning",
    Said(
        "{platform} signs for {appid} with another certificate too: the platform_certificate is about to be put away",
        "{platform} 对 {appid} 已改用新证书签名，platform_certificate 只在更换期内有效",
    ),
    Said(
        "Download the platform's new certificate from {page}, and put it and its number into the configuration.",
        "到 {page} 下载新的平台证书，并把证书和编号写入配置。",
    ),
)
CERTIFICATE_ENDS = Trouble(
    "platform_certificate_ends",
    "warning",
    Said("the platform_certificate of {appid} holds until {end}", "{appid} 的 platform_certificate 有效期至 {end}"),
    Said(
        "Download the next one from {page} once it is there, and put it and its number into the configuration.",
        "{page} 提供新证书后请下载，并把证书和编号写入配置。",
    ),
)


async def keys_tried(
    installation: Installation, platform: Platform, app: App, keys: ApiSecurity, token: Secret
) -> Refusal | Sequence[Finding]:
    """What is wrong, or soon will be, where the platform has nothing but the code against us now."""
    facts = {"platform": platform.name, "appid": app.appid, "page": platform.settings_page}
    serials: list[str] = []
    try:
        await installation.client.run(_noted(platform.phone_number(app, token, _NO_CODE, _NO_OPENID), serials))
    except PhoneCodeInvalid:
        if keys.platform_certificate_sn in serials:
            return [CERTIFICATE_CHANGES.seen(**facts)]
        end = certificate(keys.platform_certificate).not_valid_after_utc
        ends = end - datetime.fromtimestamp(installation.place.clock(), UTC) < _WARN
        return [CERTIFICATE_ENDS.seen(end=f"{end:%Y-%m-%d}", **facts)] if ends else ()
    except TokenRefused:
        return PlatformSaysBusy("the access token has just been replaced")
    except Refusal as refusal:
        return refusal
    return PlatformReplyInvalid("it told a number for a code that nobody made")


def _noted(flow: Flow[PlatformPhone], serials: list[str]) -> Flow[PlatformPhone]:
    """The same flow; the numbers of certificates that the platform is about to put away are noted as they come by."""
    request = next(flow)
    while True:
        reply = yield request
        serials.append(reply.headers.get(DEPRECATED, ""))
        try:
            request = flow.send(reply)
        except StopIteration as done:
            phone: PlatformPhone = done.value
            return phone
