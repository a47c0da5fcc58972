"""The kinds of single values in the document, each with its rule."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from menshen.config.identity import IDENTITY_CLAIMS
from menshen.config.paths import path_fault, prefix_fault
from menshen.config.snapshot import Endpoint
from menshen.config.wording import refuse

__all__ = [
    "ApiPath",
    "ApiRef",
    "BaseUrl",
    "ClaimName",
    "ClientApi",
    "CustomClaim",
    "Description",
    "EndpointAt",
    "FilePath",
    "HeaderName",
    "HealthPath",
    "Host",
    "HostName",
    "Method",
    "Minutes",
    "Name",
    "ParameterName",
    "Percent",
    "Prefix",
    "Seconds",
    "TypeName",
    "VersionOne",
    "is_name",
    "matches",
]

MAX_MINUTES = 525_600
"""The longest life of a login state: 365 days."""

MAX_NAME = 60
_NAME = r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?"
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
_VISIBLE = re.compile(r"[!-~]+")
_CUSTOM_CLAIM = re.compile(r"[a-z][a-z0-9_]{0,31}")
# What a login state says already, and what no state may ever say.
_TAKEN_CLAIMS = frozenset(
    {
        "app",
        "appid",
        "aud",
        "auth",
        "end",
        "exp",
        "iat",
        "iss",
        "life",
        "phone",
        "platform",
        "rnw",
        "session_key",
        "sid",
        "sub",
    }
)


def is_name(text: str) -> bool:
    """Whether this can be the name of an app, upstream, group, API or plugin (TSF's rule for groups)."""
    return len(text) <= MAX_NAME and re.fullmatch(_NAME, text) is not None


def matches(pattern: str, limit: int, english: str, chinese: str) -> AfterValidator:
    """That a text is of this pattern and has at most ``limit`` characters, and what is said of one that is not."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if len(value) > limit or not compiled.fullmatch(value):
            raise refuse(english, chinese)
        return value

    return AfterValidator(check)


def _host_name(value: str) -> str:
    """A DNS name or an IPv4 address, lower-cased."""
    labels = value.split(".")
    shaped = len(value) <= 253 and all(len(label) <= 63 and _LABEL.fullmatch(label) for label in labels)
    if shaped and labels[-1].isdigit():
        shaped = _is_address(value, ipaddress.IPv4Address)
    if not shaped:
        raise refuse(
            "must be a host name, in ASCII (an international name as xn--…), without scheme, port or final dot",
            "必须是 ASCII 主机名（国际化域名写成 xn--…），不带协议、端口和结尾的点",
        )
    return value.lower()


def _host(value: str) -> str:
    if value == "*":
        return value
    if value.startswith("*."):
        return "*." + _host_name(value[2:])
    if "*" in value:
        raise refuse('only "*" and "*.example.com" are wildcards', '通配只支持 "*" 和 "*.example.com"')
    return _host_name(value)


def _is_address(text: str, kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _endpoint(value: Any) -> Endpoint:
    wrong = refuse(
        'must be "host:port", such as "127.0.0.1:9001" or "[::1]:80"', '必须是 "主机:端口"，例如 "127.0.0.1:9001"'
    )
    if not isinstance(value, str):
        raise wrong
    host, colon, digits = value.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", digits) or not 1 <= int(digits) <= 65535:
        raise wrong
    if host.startswith("[") and host.endswith("]"):
        if "%" in host or not _is_address(host[1:-1], ipaddress.IPv6Address):
            raise wrong
        return Endpoint(host[1:-1].lower(), int(digits))
    return Endpoint(_host_name(host), int(digits))


def _base_url(value: str) -> str:
    wrong = refuse(
        "must be an http:// or https:// URL without user, query and fragment",
        "必须是 http:// 或 https:// 地址，不含用户信息、查询参数和片段",
    )
    if len(value) > 2048 or not _VISIBLE.fullmatch(value) or set(value) & set('?#@\\"<>^`{|}'):
        raise wrong
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or parts.netloc.endswith(":"):
        raise wrong
    if parts.netloc.startswith("["):
        if not re.fullmatch(r"\[[^\]]+\](:[0-9]+)?", parts.netloc) or not _is_address(
            parts.hostname, ipaddress.IPv6Address
        ):
            raise wrong
    else:
        _host_name(parts.hostname)
    return value.rstrip("/")


def _api_path(value: str) -> str:
    fault = path_fault(value)
    if fault is not None:
        raise refuse(*fault)
    return value


def _prefix(value: str) -> str:
    fault = prefix_fault(value)
    if fault is not None:
        raise refuse(*fault)
    return value


def _client_api(value: str) -> str:
    """Empty, or a prefix below the root: ``/token`` itself would be in the way of every group at ``/``."""
    if not value:
        return value
    if value == "/":
        raise refuse('must be a path such as /v1, or "" for none', '必须是路径，例如 /v1；"" 表示不提供')
    return _prefix(value)


def _custom_claim(value: str) -> str:
    if value in IDENTITY_CLAIMS:
        raise refuse(
            "openid, unionid and account have their headers in identity.headers",
            "openid、unionid 和 account 的头在 identity.headers 中设置",
        )
    if value in _TAKEN_CLAIMS:
        raise refuse(
            f"is a reserved name; a claim of your own cannot be any of: {', '.join(sorted(_TAKEN_CLAIMS))}",
            f"是保留名称，自定义声明不能使用：{'、'.join(sorted(_TAKEN_CLAIMS))}",
        )
    if not _CUSTOM_CLAIM.fullmatch(value):
        raise refuse(
            "must be 1 to 32 lower-case letters, digits and _, with a letter first",
            "必须是 1 到 32 个小写字母、数字或 _，以字母开头",
        )
    return value


def _claim_name(value: str) -> str:
    return value if value in IDENTITY_CLAIMS else _custom_claim(value)


def _minutes(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_MINUTES:
        raise refuse(
            f"must be a positive whole number of minutes, at most {MAX_MINUTES}",
            f"必须是正整数，单位分钟，最大 {MAX_MINUTES}",
        )
    return value


def _version_one(value: Any) -> int:
    if type(value) is not int or value != 1:
        raise refuse("must be 1, the only version of the document", "必须是 1，目前只有这一个版本")
    return value


Name = Annotated[
    str,
    matches(
        _NAME,
        MAX_NAME,
        "must be 1 to 60 lower-case letters, digits, _ and -, with no _ or - at either end",
        "只能包含小写字母、数字、_ 和 -，不能以 _ 或 - 开头或结尾，最长 60 个字符",
    ),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$", "maxLength": MAX_NAME}),
]
ApiRef = Annotated[
    str,
    matches(
        f"{_NAME}/{_NAME}",
        2 * MAX_NAME + 1,
        "must be group/api, such as mall/order",
        "必须写成 分组/API，例如 mall/order",
    ),
]
TypeName = Annotated[
    str,
    matches(
        r"[A-Za-z][A-Za-z0-9]*",
        60,
        "must be the name of a plugin type, such as WeChatMpLogin",
        "必须是插件类型，例如 WeChatMpLogin",
    ),
]
ParameterName = Annotated[
    str,
    matches(
        r"[!#$%&'*+.^_`|~0-9A-Za-z-]+",
        64,
        "must be 1 to 64 characters that a header name may have (letters, digits, - and _ are safe everywhere)",
        "必须是 1 到 64 个 HTTP 头名称允许的字符（建议只用字母、数字、- 和 _）",
    ),
]
HeaderName = Annotated[
    str,
    matches(
        r"[!#$%&'*+.^_`|~0-9A-Za-z-]+",
        128,
        "must be the name of a header: 1 to 128 letters, digits and -",
        "必须是 HTTP 头名称：1 到 128 个字母、数字和 -",
    ),
    AfterValidator(str.lower),
]
Description = Annotated[
    str,
    matches(
        r"[^\x00-\x08\x0b-\x1f\x7f]*", 500, "must be at most 500 characters of text", "必须是不超过 500 个字符的文本"
    ),
]
FilePath = Annotated[
    str, matches(r"[^\x00-\x1f\x7f]+", 4096, "must be the path of a PEM file", "必须是 PEM 文件的路径")
]
HealthPath = Annotated[
    str,
    matches(
        r"/[A-Za-z0-9._~!$&'()+,=:@/%?;-]*",
        512,
        "must be a path such as /healthz, without spaces and fragment",
        "必须是路径，例如 /healthz，不含空格和片段",
    ),
]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
HostName = Annotated[str, AfterValidator(_host_name)]
Host = Annotated[str, AfterValidator(_host)]
Prefix = Annotated[str, AfterValidator(_prefix)]
ApiPath = Annotated[str, AfterValidator(_api_path)]
EndpointAt = Annotated[
    Endpoint, PlainValidator(_endpoint), WithJsonSchema({"type": "string", "examples": ["127.0.0.1:9001"]})
]
ClientApi = Annotated[str, AfterValidator(_client_api)]
ClaimName = Annotated[str, AfterValidator(_claim_name)]
CustomClaim = Annotated[str, AfterValidator(_custom_claim)]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Minutes = Annotated[int, BeforeValidator(_minutes)]
VersionOne = Annotated[int, BeforeValidator(_version_one)]
