"""The kinds of values that a platform gives out with an app or a component, or takes for one; and any other secret."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from menshen.config.values import matches
from menshen.config.wording import refuse
from menshen.secret import Secret

__all__ = ["AppId", "AppSecret", "Certificate", "EncodingAesKey", "KeyNumber", "MessageToken", "PublicKey"]

_MESSAGE_TOKEN = re.compile(r"[0-9A-Za-z_-]{1,64}")
_ENCODING_AES_KEY = re.compile(r"[0-9A-Za-z+/]{43}")
_MASKED = re.compile(r"\*+")  # a secret that is not there, which is said elsewhere


def _app_secret(value: Any) -> Secret:
    if not isinstance(value, str):
        raise refuse(
            "must be text (put it in quotes if it looks like a number)",
            "必须是文本（形似数字时请加引号）",
        )
    if not value.strip():
        raise refuse("must not be empty", "不能为空")
    if len(value) > 8192:
        raise refuse("must have at most 8192 characters", "最多 8192 个字符")
    return Secret(value)


def _message_token(value: Any) -> Secret:
    token = _app_secret(value)
    if not _MASKED.fullmatch(token.reveal()) and not _MESSAGE_TOKEN.fullmatch(token.reveal()):
        raise refuse("must be 1 to 64 letters, digits, - and _", "必须是 1 到 64 个字母、数字、- 或 _")
    return token


def _encoding_aes_key(value: Any) -> Secret:
    key = _app_secret(value)
    if not _MASKED.fullmatch(key.reveal()) and not _ENCODING_AES_KEY.fullmatch(key.reveal()):
        raise refuse(
            "must be the EncodingAESKey that the platform shows: 43 letters and digits",
            "必须是平台提供的 EncodingAESKey：43 个字母或数字",
        )
    return key


AppId = Annotated[
    str,
    matches(
        r"[A-Za-z0-9._-]+",
        64,
        "must be the AppID that the platform shows: 1 to 64 letters, digits and ._-",
        "必须是平台提供的 AppID：1 到 64 个字母、数字或 ._-",
    ),
]
PublicKey = Annotated[
    str,
    matches(
        r"[0-9A-Za-z_+/=\s-]+",
        4096,
        "must be a public key, in one line of base64 or as PEM, or a CorpID",
        "必须是公钥（单行 base64 或 PEM）或企业 ID",
    ),
]
Certificate = Annotated[
    str,
    matches(
        r"[0-9A-Za-z+/=\s\\-]+",
        8192,
        "must be a certificate, as PEM or in one line of base64",
        "必须是证书：PEM 或单行 base64",
    ),
]
KeyNumber = Annotated[
    str,
    # It becomes a part of texts with | and line ends between the parts.
    matches(
        r"[0-9A-Za-z_-]+",
        128,
        "must be the number that the platform's page shows beside the key, such as 32 hex digits",
        "必须是平台密钥页面显示的编号，例如 32 位十六进制数",
    ),
]
AppSecret = Annotated[
    Secret,
    PlainValidator(_app_secret),
    WithJsonSchema({"type": "string", "format": "password", "minLength": 1, "maxLength": 8192}),
]
MessageToken = Annotated[
    Secret,
    PlainValidator(_message_token),
    WithJsonSchema({"type": "string", "format": "password", "minLength": 1, "maxLength": 64}),
]
EncodingAesKey = Annotated[
    Secret,
    PlainValidator(_encoding_aes_key),
    # What is shown in place of a secret is shorter than the 43 characters of one.
    WithJsonSchema({"type": "string", "format": "password", "minLength": 1, "maxLength": 43}),
]
