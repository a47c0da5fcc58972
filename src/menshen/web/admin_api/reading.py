"""What a call says, read strictly: words of the path, the query, the body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from menshen.web.admin_api.endpoint import BadCall
from menshen.web.user_api.call import secret_text

__all__ = ["body_of", "path_of", "query_of"]

_LONGEST_WORD = 200
_NUMBER = 18

Kind = TypeVar("Kind")


def path_of(request: Request) -> Mapping[str, str]:
    """Raises ``BadCall`` for what no database keeps."""
    return {name: _word(str(value), name) for name, value in request.path_params.items()}


def query_of(request: Request, kind: type[Kind] | None) -> Kind | None:
    """The query as ``kind``, a Struct. Raises ``BadCall`` for a name that is unknown or comes twice."""
    pairs = request.query_params.multi_items()
    words = {name: _word(value, name[:40]) for name, value in pairs}
    if len(words) < len(pairs):
        raise BadCall("a name is twice in the query")
    if kind is None:
        if words:
            raise BadCall("this call has no query")
        return None
    for field in msgspec.structs.fields(kind):  # type: ignore[arg-type]
        text = words.get(field.encode_name)
        if text == "" and not field.required:
            del words[field.encode_name]  # a field of a form that was left empty
        elif text is not None and _is_number(field.type) and not _digits(text):
            raise BadCall(f"{field.encode_name} must be a positive number")
    try:
        return msgspec.convert(words, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadCall(str(error)) from None


async def body_of(request: Request, kind: Any, limit: int) -> Any:
    """The body as ``kind``. Raises ``BadCall``, which says where it does not fit and repeats nothing of it."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise BadCall(f"the body is over {limit // 1024} KiB", 413)
    if kind is None:
        if body.strip() not in (b"", b"{}", b"null"):
            raise BadCall("this call has no body")
        return None
    try:
        return msgspec.json.decode(body, type=kind, dec_hook=secret_text)
    except msgspec.ValidationError as error:
        raise BadCall(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadCall("the body must be a JSON object") from None


def _word(text: str, name: str) -> str:
    if len(text) > _LONGEST_WORD or not text.isprintable():
        raise BadCall(f"{name} must be one line of text, {_LONGEST_WORD} characters at most")
    return text


def _is_number(kind: Any) -> bool:
    return _holds_int(msgspec.inspect.type_info(kind))


def _holds_int(info: msgspec.inspect.Type) -> bool:
    if isinstance(info, msgspec.inspect.Metadata):
        return _holds_int(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        return any(_holds_int(each) for each in info.types)
    return isinstance(info, msgspec.inspect.IntType)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _NUMBER
