"""What the headers that carry an identity must agree on, with each other and with every plugin's credentials."""

from __future__ import annotations

from collections.abc import Iterator

from menshen.config.document import Plugin
from menshen.config.identity import IDENTITY_CLAIMS
from menshen.config.outline import At, Outline
from menshen.config.reserved import (
    claim_header_is_reserved,
    fold,
    identity_header_is_reserved,
    is_reserved,
    reserved_problem,
)
from menshen.errors import Problem

__all__ = ["credentials_among_identity", "identity_problems"]


def identity_problems(at: At[Plugin]) -> Iterator[Problem]:
    """The problems of the keys below ``identity``, and of tags that the same identity is told by."""
    yield from _headers(at)
    yield from _claims(at)
    if at.value.session.kind == "signed":
        yield from _signed(at)
        yield from _signed_tags(at)


def _headers(at: At[Plugin]) -> Iterator[Problem]:
    headers = at.value.identity.headers
    if not isinstance(headers, dict):
        return
    first: dict[str, str] = {}
    for field, header in headers.items():
        path = f"{at.path}.identity.headers.{field}"
        if identity_header_is_reserved(field, header):
            yield reserved_problem(path, header)
        if fold(header) in first:
            yield Problem(
                path,
                f"the field '{first[fold(header)]}' has this header already",
                f"字段 '{first[fold(header)]}' 已使用此头",
            )
        first.setdefault(fold(header), field)


def _claims(at: At[Plugin]) -> Iterator[Problem]:
    identity = at.value.identity
    taken: dict[str, tuple[str, str]] = {}
    for field, header in identity.pairs():
        taken.setdefault(fold(header), (f"the field '{field}'", f"字段 '{field}' "))
    for claim, header in identity.claims.items():
        path = f"{at.path}.identity.claims.{claim}"
        if claim not in at.value.session.claims:
            yield Problem(
                path,
                "no login state has this claim; add it to session.claims",
                "登录态中没有此声明，请先加入 session.claims",
            )
        if claim_header_is_reserved(claim, header):
            yield reserved_problem(path, header)
        elif fold(header) in taken:
            owner, owner_zh = taken[fold(header)]
            yield Problem(path, f"{owner} has this header already", f"{owner_zh}已使用此头")
        taken.setdefault(fold(header), (f"the claim '{claim}'", f"声明 '{claim}' "))


def _signed(at: At[Plugin]) -> Iterator[Problem]:
    """Envoy checks a signed state alone, so a backend gets what the state says and nothing else."""
    headers, claims = at.value.identity.headers, at.value.session.claims
    path = f"{at.path}.identity.headers"
    if headers == "cloudrun" and "openid" not in claims:
        yield _not_disclosed(path, "openid")
    if not isinstance(headers, dict):
        return
    for field in headers:
        if field in ("assertion", "session_key"):
            yield Problem(
                f"{path}.{field}",
                f"no '{field}' with kind: signed: Envoy checks the login state alone and has none;"
                " use sealed or reference",
                f"kind: signed 不提供 '{field}'：登录态由 Envoy 独自校验；请使用 sealed 或 reference",
            )
        elif field in IDENTITY_CLAIMS and field not in claims:
            yield _not_disclosed(f"{path}.{field}", field)


def _signed_tags(at: At[Plugin]) -> Iterator[Problem]:
    for index, name in enumerate(at.value.tags.identity):
        if name == "account" and name not in at.value.session.claims:
            yield _not_disclosed(f"{at.path}.tags.identity[{index}]", name)


def _not_disclosed(path: str, claim: str) -> Problem:
    return Problem(
        path,
        f"a signed login state has no {claim} unless it is disclosed: add claims: [{claim}] to session",
        f"signed 登录态默认不含 {claim}，请在 session 中加入 claims: [{claim}]",
    )


def credentials_among_identity(outline: Outline) -> Iterator[Problem]:
    """Identity headers are removed from every request before anything else, so no credential can travel in one."""
    credentials: dict[str, list[At[str]]] = {}
    for at in outline.plugins:
        for credential in _credentials(at):
            credentials.setdefault(fold(credential.value), []).append(credential)
    told: set[tuple[str, str]] = set()
    for at in outline.plugins:
        for key, header, mapped in _identity_headers(at):
            for credential in credentials.get(fold(header), ()):
                path, other = (key, credential.path) if mapped else (credential.path, key)
                if (path, header) not in told:
                    told.add((path, header))
                    yield Problem(
                        path,
                        f"the header '{header}' is both an identity header and a credential's ({other})",
                        f"头 '{header}' 不能既是身份头又携带凭证（{other}）",
                    )


def _credentials(at: At[Plugin]) -> Iterator[At[str]]:
    """The headers of a plugin's credentials. A reserved one has its own problem."""
    code, session = at.value.code, at.value.session
    if code.position == "header" and not is_reserved(code.name, "code"):
        yield At(f"{at.path}.code.name", code.name)
    if code.position == "header" and at.value.open_data is not None:
        for key, name in at.value.open_data.named().items():
            if not is_reserved(name, "code"):
                yield At(f"{at.path}.open_data.{key}", name)
    if "header" in (session.request_in, session.return_in) and not is_reserved(session.name, "session"):
        yield At(f"{at.path}.session.name", session.name)
    if session.refresh is not None and not is_reserved(session.refresh.name, "session"):
        yield At(f"{at.path}.session.refresh.name", session.refresh.name)


def _identity_headers(at: At[Plugin]) -> Iterator[tuple[str, str, bool]]:
    """Path of the key, header, and whether the operator wrote the header there. A claim's own header is reserved."""
    identity = at.value.identity
    mapped = isinstance(identity.headers, dict)
    for field, header in identity.pairs():
        yield f"{at.path}.identity.headers{f'.{field}' if mapped else ''}", header, mapped
    for claim, header in identity.claims.items():
        yield f"{at.path}.identity.claims.{claim}", header, True
