"""What the keys of a plugin's login states must agree on: lifetimes, names, claims, and what each kind can do."""

from __future__ import annotations

from collections.abc import Iterator

from menshen.config.credential_names import credential_name_problems
from menshen.config.document import Plugin, Session
from menshen.config.identity import IDENTITY_CLAIMS
from menshen.config.login_request import Code
from menshen.config.outline import At
from menshen.config.reserved import fold
from menshen.errors import Problem

__all__ = ["session_problems"]

_REPLY_KEYS = ("expires_in", "refresh_token", "refresh_expires_in", "uid")


def session_problems(at: At[Plugin]) -> Iterator[Problem]:
    """The problems of the keys below ``session``, and of the code's name beside them."""
    path, code, session = f"{at.path}.session", at.value.code, at.value.session
    if session.return_in == "body" and at.value.respond == "upstream":
        yield Problem(
            f"{path}.return_in",
            "body needs respond: gateway; the upstream's own body is never changed",
            "body 只能与 respond: gateway 同时使用，网关不会改写上游的响应体",
        )
    yield from _signed(path, session)
    yield from _prefix(path, session)
    yield from _lifetimes(path, session)
    yield from _claims(path, session)
    yield from _equal_names(path, code, session)
    yield from _names(at.path, code, session)
    yield from _in_replies(at.path, session)


def _signed(path: str, session: Session) -> Iterator[Problem]:
    """Envoy cannot take a single cookie off a request: the backend would be handed every user's login state."""
    if session.kind != "signed":
        return
    for key, position in (("return_in", session.return_in), ("request_in", session.request_in)):
        if position == "cookie":
            yield Problem(
                f"{path}.{key}",
                "a signed login state cannot be in a cookie: the backend would get it; use header, or another kind",
                "signed 登录态不能放在 cookie 中，否则会泄露给后端；请改用 header，或换一种类型",
            )


def _prefix(path: str, session: Session) -> Iterator[Problem]:
    """Envoy would verify a signed state with the prefix or without it; a client may send it either way."""
    if not session.prefix:
        return
    if session.request_in != "header":
        yield Problem(f"{path}.prefix", "is for request_in: header only", "只能与 request_in: header 同时使用")
    elif session.kind == "signed":
        yield Problem(
            f"{path}.prefix",
            "not with kind: signed, which Envoy reads in one spelling only; use sealed or reference",
            "不能与 kind: signed 同时使用：Envoy 只按一种写法读取登录态；请改用 sealed 或 reference",
        )


def _lifetimes(path: str, session: Session) -> Iterator[Problem]:
    if session.idle is not None and session.idle >= session.expires_in:
        yield Problem(
            f"{path}.idle",
            f"idle must be shorter than expires_in ({session.expires_in} minutes)",
            f"idle 必须小于 expires_in（{session.expires_in} 分钟）",
        )
    if session.renew_before is not None and session.renew_before >= session.expires_in:
        yield Problem(
            f"{path}.renew_before",
            f"renew_before must be shorter than expires_in ({session.expires_in} minutes)",
            f"renew_before 必须小于 expires_in（{session.expires_in} 分钟）",
        )
    if session.refresh is not None and session.refresh.expires_in <= session.expires_in:
        yield Problem(
            f"{path}.refresh.expires_in",
            f"must be longer than the login state's own expires_in ({session.expires_in} minutes), or it is of no use",
            f"必须大于登录态的 expires_in（{session.expires_in} 分钟），否则没有意义",
        )


def _claims(path: str, session: Session) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, claim in enumerate(session.claims):
        if claim in first:
            yield Problem(f"{path}.claims[{index}]", "this claim is in the list twice", "声明重复")
        elif claim in IDENTITY_CLAIMS and session.kind != "signed":
            yield Problem(
                f"{path}.claims[{index}]",
                f"'{claim}' is for kind: signed only, where the client can read it;"
                f" with {session.kind} the backend has it anyway",
                f"'{claim}' 只用于 kind: signed（客户端可以读到它）；{session.kind} 下后端本来就能得到它",
            )
        first.setdefault(claim, index)


def _equal_names(path: str, code: Code, session: Session) -> Iterator[Problem]:
    """A credential with the name of another, in whatever place, would be taken for a second one of that."""
    codes = f"the code has the same name ({code.position} '{code.name}')"
    codes_zh = f"与 code 的名称相同（{code.position} '{code.name}'）"
    if code.position != "body" and fold(code.name) == fold(session.name):
        yield Problem(f"{path}.name", codes, codes_zh)
    if session.refresh is None:
        return
    name = fold(session.refresh.name)
    if name == fold(session.name):
        yield Problem(
            f"{path}.refresh.name",
            f"the login state has the same name ('{session.name}')",
            f"与登录态的名称相同（'{session.name}'）",
        )
    if code.position != "body" and name == fold(code.name):
        yield Problem(f"{path}.refresh.name", codes, codes_zh)


def _in_replies(plugin: str, session: Session) -> Iterator[Problem]:
    """The login state is a key of the gateway's own JSON, beside others."""
    if session.name in _REPLY_KEYS:
        yield Problem(
            f"{plugin}.session.name",
            "the gateway's answers have another value under this name",
            "网关的应答中此名称另有含义",
        )


def _names(plugin: str, code: Code, session: Session) -> Iterator[Problem]:
    yield from credential_name_problems(f"{plugin}.code.name", code.name, {code.position}, "code")
    yield from credential_name_problems(
        f"{plugin}.session.name", session.name, {session.request_in, session.return_in}, "session"
    )
    if session.refresh is not None:
        # Its header is taken off every request, wherever a login returns it.
        positions: set[str] = {"header", session.return_in}
        yield from credential_name_problems(
            f"{plugin}.session.refresh.name", session.refresh.name, positions, "session"
        )
