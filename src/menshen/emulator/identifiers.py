"""Ids and keys in the shapes the platforms give them (``reference/platform-apis.md`` 1.1, 3, 6 and 7).

Openids are derived, so that a user has the same one after a restart and a test can compute nothing but still compare.
Codes, session keys and rids come from the random source that is passed in: ``random(n)`` gives ``n`` bytes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Final

__all__ = [
    "IDENTITY_KEY",
    "RandomBytes",
    "access_token",
    "alipay_openid",
    "baidu_openid",
    "baidu_session_key",
    "dingtalk_unionid",
    "dingtalk_userid",
    "douyin_openid",
    "douyin_unionid",
    "feishu_openid",
    "feishu_session_key",
    "kuaishou_openid",
    "kuaishou_unionid",
    "login_code",
    "mobile_number",
    "no_session_key",
    "no_unionid",
    "phone_code",
    "qq_openid",
    "qq_session_key",
    "qq_unionid",
    "rid",
    "wechat_openid",
    "wechat_session_key",
    "wechat_unionid",
    "wecom_userid",
    "xiaohongshu_openid",
]

RandomBytes = Callable[[int], bytes]

IDENTITY_KEY: Final = b"menshen emulator identities, version 1"
"""What openids are derived with. It protects nothing: the users of an emulator are invented."""

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _digest(key: bytes, *parts: str) -> bytes:
    # The length in front keeps ("ab", "c") and ("a", "bc") apart.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hmac.digest(key, text.encode(), hashlib.sha256)


def _o27(digest: bytes) -> str:
    return "o" + base64.urlsafe_b64encode(digest)[:27].decode()


def login_code(random: RandomBytes) -> str:
    """32 letters and digits; samples start with 0."""
    number = int.from_bytes(random(24), "big")
    digits = ["0"]
    for _ in range(31):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(digits)


def phone_code(random: RandomBytes) -> str:
    """64 lower-case hex digits: no login code, whatever is tried with it."""
    return random(32).hex()


def access_token(random: RandomBytes) -> str:
    """Opaque; 136 characters as tokens mostly have, where 512 may come."""
    return "86_" + base64.urlsafe_b64encode(random(100)).decode()[:133]


def mobile_number(key: bytes, user: str) -> str:
    """A number of the mainland, 11 digits, the same for this user everywhere."""
    return "138" + str(int.from_bytes(_digest(key, "mobile number", user)[:8], "big") % 10**8).zfill(8)


def rid(now: float, random: RandomBytes) -> str:
    """WeChat's request id: Unix time in hex, then two groups of 8 hex digits."""
    tail = random(8).hex()
    return f"{int(now):08x}-{tail[:8]}-{tail[8:]}"


def wechat_openid(key: bytes, appid: str, user: str) -> str:
    """28 characters that start with ``o``."""
    return _o27(_digest(key, "wechat openid", appid, user))


def wechat_unionid(key: bytes, user: str) -> str:
    """Like an openid, and the same in every app: all apps here are bound to one Open Platform account."""
    return _o27(_digest(key, "wechat unionid", user))


def wechat_session_key(random: RandomBytes) -> str:
    """base64 of 16 bytes: 24 characters that end with ``==``."""
    return base64.b64encode(random(16)).decode()


def qq_openid(key: bytes, appid: str, user: str) -> str:
    """32 upper-case hex digits."""
    return _digest(key, "qq openid", appid, user)[:16].hex().upper()


def qq_unionid(key: bytes, user: str) -> str:
    """``UID_`` and 32 upper-case hex digits."""
    return "UID_" + _digest(key, "qq unionid", user)[:16].hex().upper()


def qq_session_key(random: RandomBytes) -> str:
    """base64 of 16 bytes that are printable ASCII, as in the one sample there is."""
    return base64.b64encode(bytes(ord(_BASE62[byte % 62]) for byte in random(16))).decode()


def baidu_openid(key: bytes, appid: str, user: str) -> str:
    """30 characters that may have ``-`` and ``_`` in them."""
    return base64.urlsafe_b64encode(_digest(key, "baidu openid", appid, user))[:30].decode()


def baidu_session_key(random: RandomBytes) -> str:
    """32 hex digits, which are read as base64 of 24 bytes."""
    return random(16).hex()


def kuaishou_openid(key: bytes, appid: str, user: str) -> str:
    """32 hex digits; the real form is not known."""
    return _digest(key, "kuaishou openid", appid, user)[:16].hex()


def kuaishou_unionid(key: bytes, user: str) -> str:
    """32 hex digits; the real form is not known."""
    return _digest(key, "kuaishou unionid", user)[:16].hex()


def alipay_openid(key: bytes, appid: str, user: str) -> str:
    """47 characters of base64url."""
    made = _digest(key, "alipay open_id", appid, user) + _digest(key, "alipay open_id, more", appid, user)
    return base64.urlsafe_b64encode(made)[:47].decode()


def douyin_openid(key: bytes, appid: str, user: str) -> str:
    """36 characters; real ones were seen cut short only."""
    return "_000" + base64.urlsafe_b64encode(_digest(key, "douyin openid", appid, user))[:32].decode()


def douyin_unionid(key: bytes, user: str) -> str:
    """Lower-case hex digits in the groups of a UUID."""
    made = _digest(key, "douyin unionid", user).hex()
    return f"{made[:8]}-{made[8:12]}-{made[12:16]}-{made[16:20]}-{made[20:32]}"


def dingtalk_userid(key: bytes, appid: str, user: str) -> str:
    """16 digits, as one that the corp has not chosen."""
    return str(int.from_bytes(_digest(key, "dingtalk userid", appid, user)[:8], "big")).zfill(20)[-16:]


def dingtalk_unionid(key: bytes, user: str) -> str:
    """Letters and digits that end in ``iEiE``, as those seen do."""
    return _digest(key, "dingtalk unionid", user)[:10].hex() + "iEiE"


def feishu_openid(key: bytes, appid: str, user: str) -> str:
    """``ou_`` and 32 hex digits."""
    return "ou_" + _digest(key, "feishu openid", appid, user)[:16].hex()


def feishu_session_key(random: RandomBytes) -> str:
    """16 bytes in hex."""
    return random(16).hex()


def no_unionid(_key: bytes, _user: str) -> str:
    """Of a platform that has none."""
    return ""


def no_session_key(_random: RandomBytes) -> str:
    """Of a platform that has none."""
    return ""


def wecom_userid(key: bytes, appid: str, user: str) -> str:  # noqa: ARG001 - the same in all apps of a corp
    """What a corp calls its member: with the sign of each kind that it may have."""
    return f"{_digest(key, 'wecom userid', user)[:6].hex()}_a-b@corp.example"


def xiaohongshu_openid(key: bytes, appid: str, user: str) -> str:
    """24 hex digits; the real form is not known."""
    return _digest(key, "xiaohongshu openid", appid, user)[:12].hex()
