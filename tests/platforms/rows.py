"""The table of platforms that tests go through: what is true of each, and what it does not have, said and not left out.

A new platform is one row of :data:`ROWS`. ``tests/platforms/test_every_platform_emulated.py`` asks its adapter and
``tests/edge/test_every_platform.py`` a real gateway, both against its emulator.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

import uvloop

from menshen.config.snapshot import App
from menshen.emulator.asgi import emulator_app
from menshen.emulator.state import AppSettings, Emulator
from menshen.emulator.wecom import CORP
from menshen.errors import (
    CodeInvalid,
    CodeUsed,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    Refusal,
    UserBlocked,
)
from menshen.platforms.base import PlatformIdentity, TokenLogins
from menshen.platforms.client import PlatformClient
from menshen.platforms.registry import PLATFORMS
from menshen.secret import Secret
from menshen.web.serving import serving
from tests.platforms.app_keys import AES_KEY, private_text, public_text

__all__ = ["FACETS", "ROWS", "Row", "against", "having", "log_in"]

FACETS: Final = frozenset(
    {
        "unionid",
        "session_key",
        "profiles",
        "signed_data",
        "phone_data",
        "named_app",
        "phone_codes",
        "session_checks",
        "access_token",
        "token_login",
    }
)
"""What a platform has or has not: a union id; a session_key; in encrypted data a profile, which may also come signed,
and a phone number; the name of its app in all of it; phone codes; a word on whether a session_key is good; access
tokens of apps, and a login by one."""


@dataclass(frozen=True)
class Row:
    """One platform. ``has`` and ``never`` are all of FACETS between them.

    Errcodes are those of the emulator's answers, None where an answer has none. ``used_code`` is what the platform
    itself says of a code that was exchanged before, ``blocked`` what its fault "40226" is refused as. ``malformed`` is
    a code that it cannot have made. ``profile`` is what an anonymous profile holds, ``nickname`` the name of that field
    in open data. ``console``: keys of the app as the platform has them, ``keys``: as the gateway's configuration has
    them. ``phone_call`` is the path of a phone code.
    ``signed_more`` is what only signed data has of a profile. ``named_by`` is what names the app in its calls, or in
    that for a token alone, where no ``login_names_app``; ``forces_tokens``: it makes another access token for who asks
    for another.
    """

    appid: str
    openid_length: int
    has: frozenset[str]
    never: frozenset[str]
    wrong_code: int | None
    used_code: tuple[type[Refusal], int | None]
    wrong_secret: int | None
    blocked: type[Refusal]
    secret: str
    other_secret: str = "another-secret"
    keys: dict[str, str] = field(default_factory=dict)
    console: dict[str, str] = field(default_factory=dict)
    session_key_length: int = 0
    malformed: str = "a+b"
    profile: dict[str, str] = field(default_factory=dict)
    nickname: str = "nickName"
    phone_call: str = ""
    signed_more: dict[str, str] = field(default_factory=dict)
    named_by: str = "appid"
    login_names_app: bool = True
    forces_tokens: bool = True


def _secret(platform: str) -> str:
    return f"planted-appsecret-of-{platform}-0123456789"


def _facets(*names: str) -> frozenset[str]:
    return frozenset(names)


ROWS: Final = {
    "wechat": Row(
        appid="wx4f4bc4dec97d474b",
        secret=_secret("wechat"),
        openid_length=28,
        session_key_length=24,
        has=FACETS - {"token_login"},
        never=_facets("token_login"),
        wrong_code=40029,
        used_code=(CodeUsed, 40163),
        wrong_secret=40125,
        blocked=UserBlocked,
        profile={"nickname": "微信用户", "gender": "0"},
        phone_call="/wxa/business/getuserphonenumber",
    ),
    "qq": Row(
        appid="1100000001",
        secret=_secret("qq"),
        openid_length=32,
        session_key_length=24,
        has=_facets("unionid", "session_key", "profiles", "signed_data", "phone_data", "named_app", "access_token"),
        never=_facets("phone_codes", "session_checks", "token_login"),
        wrong_code=40029,
        used_code=(CodeInvalid, 40029),  # no other number is documented for one
        wrong_secret=-101222100,
        blocked=PlatformReplyInvalid,  # no number for a blocked user is documented: what is unknown logs nobody in
        profile={"nickname": "微信用户", "gender": "0"},
    ),
    "alipay": Row(
        appid="2021000000000001",
        secret=private_text("app"),
        other_secret=private_text("another"),
        keys={"platform_key": public_text("platform"), "data_key": AES_KEY},
        console={"platform_key": private_text("platform"), "data_key": AES_KEY},
        openid_length=47,
        has=_facets("phone_data"),
        never=FACETS - {"phone_data"},
        wrong_code=40002,
        used_code=(CodeInvalid, 40002),
        wrong_secret=40002,
        blocked=PlatformReplyInvalid,  # as QQ's
    ),
    "douyin": Row(
        appid="tt0000000000000001",
        secret=_secret("douyin"),
        keys={"data_key": private_text("data")},
        console={"data_key": private_text("data")},
        openid_length=36,
        session_key_length=24,
        has=FACETS - {"session_checks", "token_login"},
        never=_facets("session_checks", "token_login"),
        wrong_code=40018,
        used_code=(CodeInvalid, 40018),
        wrong_secret=40017,
        blocked=PlatformReplyInvalid,  # as QQ's
        profile={"nickname": "微信用户", "gender": "0"},
        phone_call="/api/apps/v1/get_phonenumber_info/",
    ),
    "baidu": Row(
        appid="4fecoAqgCIUtzIyA4FAPgoyrc4oUc25c",
        secret=_secret("baidu"),
        openid_length=30,
        session_key_length=32,
        has=_facets("session_key", "profiles", "phone_data", "named_app", "access_token"),
        never=_facets("unionid", "signed_data", "phone_codes", "session_checks", "token_login"),
        wrong_code=None,
        used_code=(CodeInvalid, None),
        wrong_secret=None,
        blocked=PlatformRefusedUs,  # what it says of a blocked user is not known: here, that there is no permission
        profile={"nickname": "百度网友", "gender": "0"},
        nickname="nickname",
    ),
    "kuaishou": Row(
        appid="ks700000000000000001",
        secret=_secret("kuaishou"),
        openid_length=32,
        session_key_length=24,
        has=_facets("unionid", "session_key", "profiles", "signed_data", "phone_data", "access_token"),
        never=_facets("named_app", "phone_codes", "session_checks", "token_login"),
        wrong_code=100200105,
        used_code=(CodeInvalid, 100200105),
        wrong_secret=100200101,
        blocked=PlatformRefusedUs,  # as Baidu's
        profile={"nickname": "微信用户", "gender": "0"},
    ),
    "xiaohongshu": Row(
        appid="640000000000000000000001",
        secret=_secret("xiaohongshu"),
        openid_length=24,
        session_key_length=32,
        has=_facets("session_key", "profiles", "phone_data", "access_token", "token_login"),
        never=_facets("unionid", "signed_data", "named_app", "phone_codes", "session_checks"),
        wrong_code=990403,
        used_code=(CodeInvalid, 990403),
        wrong_secret=990402,
        blocked=CodeInvalid,  # whatever answers to a code and is not known is told as the code's
        profile={"nickname": "小红薯", "gender": "0"},
    ),
    "wecom": Row(
        appid="wx0000000000000001",
        secret=_secret("wecom"),
        keys={"platform_key": CORP},
        console={"platform_key": CORP},
        openid_length=29,
        session_key_length=24,
        has=_facets("session_key", "profiles", "signed_data", "named_app", "access_token", "token_login"),
        never=_facets("unionid", "phone_data", "phone_codes", "session_checks"),
        wrong_code=40029,
        used_code=(CodeInvalid, 40029),  # 42022 is in WeCom's table, and was not seen for this call
        wrong_secret=40001,
        blocked=UserBlocked,
        profile={"nickname": "成员", "gender": "0"},
        nickname="name",
        signed_more={"language": "zh_CN"},
        named_by="platform_key",
        login_names_app=False,
        forces_tokens=False,
    ),
    "feishu": Row(
        appid="cli_a000000000000001",
        secret=_secret("feishu"),
        openid_length=35,
        session_key_length=32,
        has=_facets("session_key", "profiles", "signed_data", "access_token", "token_login"),
        never=_facets("unionid", "phone_data", "named_app", "phone_codes", "session_checks"),
        wrong_code=10213,
        used_code=(CodeInvalid, 10213),
        wrong_secret=10014,
        blocked=UserBlocked,  # the app is not for him to see
        profile={"nickname": "飞书用户", "gender": "0"},
        login_names_app=False,
        forces_tokens=False,
    ),
    "dingtalk": Row(
        appid="ding0000000000000001",
        secret=_secret("dingtalk"),
        openid_length=16,
        has=_facets("unionid", "access_token", "token_login"),
        never=FACETS - {"unionid", "access_token", "token_login"},
        wrong_code=40078,
        used_code=(CodeInvalid, 40078),
        wrong_secret=40096,
        blocked=UserBlocked,  # not a member of the corp
        login_names_app=False,
        forces_tokens=False,
    ),
}
"""By platform."""


def having(*facets: str) -> list[str]:
    """The platforms that have all of these."""
    return [name for name, row in ROWS.items() if row.has >= set(facets)]


Main = Callable[[Emulator, PlatformClient, App], Coroutine[Any, Any, None]]


def against(platform: str, main: Main, *, timeout: float = 60, **settings: bool) -> None:
    """Run ``main`` with an emulator that has an app of this platform, "app-1", a client, and that app.

    ``timeout`` in seconds, of a call. ``settings`` are the emulated app's.
    """
    row = ROWS[platform]

    async def whole() -> None:
        emulator = Emulator()
        emulator.add_app(platform, "app-1", AppSettings(row.secret, **row.console, **settings))
        async with (
            serving(emulator_app(emulator), "127.0.0.1", 0, drain=0.1) as bound,
            PlatformClient(timeout=timeout) as client,
        ):
            keys = {"data_key": Secret(row.keys["data_key"])} if "data_key" in row.keys else {}
            app = App(
                name="shop",
                platform=platform,
                appid="app-1",
                secret=Secret(row.secret),
                base_url=f"{bound.origin}/{platform}",
                platform_key=row.keys.get("platform_key", ""),
                **keys,
            )
            await main(emulator, client, app)

    uvloop.run(whole())


async def log_in(client: PlatformClient, app: App, code: str) -> PlatformIdentity:
    """Exchange a code the way that the platform wants it."""
    adapter = PLATFORMS[app.platform]
    if not isinstance(adapter, TokenLogins):
        return await client.code2session(app, code)
    token = await client.run(adapter.access_token(app, False))
    return await client.run(adapter.code2session_by(app, token.token, code))
