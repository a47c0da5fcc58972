"""The kinds of single values in plugins, each with its rule."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from menshen.config.expressions import MAX_EXPRESSION, is_expression
from menshen.config.tag_values import MAX_TAG_NAME, MAX_TAG_VALUE, is_tag_name
from menshen.config.wording import refuse

__all__ = [
    "Cidr",
    "KeyId",
    "Origin",
    "RedirectUrl",
    "Regex",
    "TagName",
    "TagValue",
    "Weight",
    "regex",
    "tag_name",
]


def tag_name(value: str) -> str:
    """The name of a tag as it is, or the refusal of what can be none."""
    if not is_tag_name(value):
        raise refuse(
            f"must be 1 to {MAX_TAG_NAME} lower-case letters, digits, _ and -, with a letter first",
            f"必须是 1 到 {MAX_TAG_NAME} 个小写字母、数字、_ 或 -，以字母开头",
        )
    return value


def _tag_value(value: str) -> str:
    if len(value.encode()) > MAX_TAG_VALUE or not value.isprintable():
        raise refuse(
            f"must be one line of text, at most {MAX_TAG_VALUE} bytes", f"必须是一行文本，最多 {MAX_TAG_VALUE} 字节"
        )
    return value


def regex(value: str) -> str:
    """An expression as it is, or the refusal of what RE2 does not take."""
    if not is_expression(value):
        raise refuse(
            "must be a regular expression that RE2 takes (no look-around, no back-references), at most"
            f" {MAX_EXPRESSION} characters",
            f"必须是 RE2 支持的正则表达式（不含环视和反向引用），最多 {MAX_EXPRESSION} 个字符",
        )
    return value


def _cidr(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        network = None
    # A zone (RFC 4007) is a card of one machine, and no range of Envoy's has one.
    if network is None or "%" in value:
        raise refuse(
            'must be an IP address or a range such as "10.0.0.0/8", with no bits behind the prefix',
            '必须是 IP 地址或网段，例如 "10.0.0.0/8"，主机位必须为 0',
        )
    return str(network)


def _origin(value: str) -> str:
    if value == "*":
        return value
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        parts, port = None, 0
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or port in (0, {"http": 80, "https": 443}[parts.scheme])  # which a browser leaves out
        or value != f"{parts.scheme}://{parts.netloc}"
        or "@" in parts.netloc
        or value != value.lower()
        or not re.fullmatch(r"[a-z0-9.:\[\]_-]+", parts.netloc)
    ):
        raise refuse(
            'must be an origin such as https://shop.example.com, in lower case and with no path, or "*"',
            '必须是来源，例如 https://shop.example.com（小写，不带路径），或 "*"',
        )
    return value


def _redirect_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        parts, port = None, 0
    if (
        len(value) > 2048
        or parts is None
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or port == 0
        or "@" in parts.netloc  # it goes to every refused caller
        or not re.fullmatch(r"[!-~]+", value)
        or set(value) & set('\\"<>^`{|}')
    ):
        raise refuse("must be an http:// or https:// URL without user", "必须是 http:// 或 https:// 地址，不含用户信息")
    return value


def _key_id(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,50}", value):
        raise refuse("must be 1 to 50 letters, digits and _", "必须是 1 到 50 个字母、数字或 _")
    return value


TagName = Annotated[str, AfterValidator(tag_name)]
TagValue = Annotated[str, AfterValidator(_tag_value)]
Regex = Annotated[str, AfterValidator(regex)]
Cidr = Annotated[str, AfterValidator(_cidr)]
Origin = Annotated[str, AfterValidator(_origin)]
RedirectUrl = Annotated[str, AfterValidator(_redirect_url)]
KeyId = Annotated[str, AfterValidator(_key_id)]
Weight = Annotated[int, Field(ge=1, le=100)]
