"""Baidu's open data: AES-192-CBC around a frame of 16 random bytes, a length, the data, and the AppKey.

Facts: copies of Baidu's page on signatures and decryption, and its own vector (``reference/platform-apis.md`` 6). The
padding is PKCS#7 over blocks of 32 bytes, so it may be longer than a block of the cipher is. The AppKey at the end says
for which app a payload was made; nothing says when.

The 16 random bytes make CBC's want of a MAC worse: whoever garbles them changes what comes next at will, length and
first bytes, and can do so at any place of a payload of his own. So a number comes alone, as public projects have seen
it (``mobile``), and a payload with anything beside it is the rest of another; a profile has the user's openid (attack
class 37).
"""

from __future__ import annotations

import base64
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from menshen.errors import OpenDataInvalid
from menshen.platforms.base import EncryptedData
from menshen.platforms.open_data import read_object_once
from menshen.platforms.unmarked_data import mainland
from menshen.secret import Secret

__all__ = ["decrypt"]

_RANDOM, _LENGTH, _KEY, _MOST_PADDING = 16, 4, 24, 32  # bytes
_PROFILE: Final = {"openid": "openId", "nickname": "nickName", "sex": "gender", "headimgurl": "avatarUrl"}


def decrypt(closed: EncryptedData, session_key: Secret, *, appid: str, openid: str) -> dict[str, Any]:
    """The fields of a payload under WeChat's names: a number's, or a profile's of this user.

    ``appid`` is the AppKey. Raises OpenDataInvalid, whatever is wrong.
    """
    fields = _opened(closed, session_key, appid)
    if fields is None:
        raise OpenDataInvalid
    if "mobile" in fields:
        if len(fields) > 1:
            raise OpenDataInvalid
        return dict(mainland(fields["mobile"]))
    if fields.get("openid") != openid:
        raise OpenDataInvalid
    return {_PROFILE[name]: value for name, value in fields.items() if name in _PROFILE}


def _opened(closed: EncryptedData, session_key: Secret, appid: str) -> dict[str, Any] | None:
    try:
        key = base64.b64decode(session_key.reveal(), validate=True)
        if len(key) != _KEY:
            return None
        decryptor = Cipher(AES(key), CBC(closed.iv)).decryptor()
        data, tail = _unframed(decryptor.update(closed.data) + decryptor.finalize())
        return read_object_once(data.decode()) if tail == appid.encode() else None
    except ValueError:  # binascii.Error and UnicodeDecodeError are
        return None


def _unframed(padded: bytes) -> tuple[bytes, bytes]:
    """The data, and what follows it. Raises ValueError."""
    padding = padded[-1]
    if not 1 <= padding <= _MOST_PADDING or padded[-padding:] != bytes([padding]) * padding:
        raise ValueError("padding")
    frame = padded[_RANDOM:-padding]
    length = int.from_bytes(frame[:_LENGTH], "big")
    return frame[_LENGTH : _LENGTH + length], frame[_LENGTH + length :]
