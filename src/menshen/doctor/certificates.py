"""Certificates: the listener's and the authorities of upstreams, as files, as chains, and by the calendar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from menshen.config.snapshot import Tls
from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation

__all__ = ["CHECK"]

_WARN, _FAIL = timedelta(days=30), timedelta(days=7)

_RENEW: Final = Said(
    "Renew the certificate and move the new files into place, key first (docs/how-to/tls.md).",
    "续签证书，并把新文件移动到位，先移私钥（docs/how-to/tls.zh-CN.md）。",
)
UNREADABLE = Trouble(
    "certificate_unreadable",
    "failed",
    Said("{path} cannot be used: {why}", "{path} 无法使用：{why}"),
    Said(
        "Put a PEM file that this user can read at {path}; a path that is not absolute starts where serve is started.",
        "在 {path} 放置当前用户可读的 PEM 文件；相对路径以启动 serve 的目录为起点。",
    ),
)
MISMATCH = Trouble(
    "certificate_key_mismatch",
    "failed",
    Said("the key {key} is not that of the certificate {path}", "私钥 {key} 与证书 {path} 不匹配"),
    Said("Put the key and the certificate of one order side by side.", "换成同一次签发的私钥和证书。"),
)
CHAIN = Trouble(
    "certificate_chain_broken",
    "failed",
    Said(
        "in {path}, {name} is not signed by the certificate that follows it", "{path} 中，{name} 不是由其后的证书签发"
    ),
    Said(
        "Put the leaf first and each issuer behind it, as a certificate authority's fullchain.pem has them.",
        "把站点证书放在最前，其后依次是各级签发者，例如证书机构给出的 fullchain.pem。",
    ),
)
EXPIRED = Trouble(
    "certificate_expired",
    "failed",
    Said(
        "{name} in {path} is not valid now: it holds from {start} to {end}",
        "{path} 中的 {name} 当前无效：有效期 {start} 至 {end}",
    ),
    _RENEW,
)
ENDS_VERY_SOON = Trouble(
    "certificate_expires_within_7_days",
    "failed",
    Said("{name} in {path} expires on {end}", "{path} 中的 {name} 将于 {end} 过期"),
    _RENEW,
)
ENDS_SOON = Trouble(
    "certificate_expires_within_30_days",
    "warning",
    Said("{name} in {path} expires on {end}", "{path} 中的 {name} 将于 {end} 过期"),
    _RENEW,
)
HOST = Trouble(
    "certificate_without_host",
    "warning",
    Said("the host {host} of the group {group} is not in {path}", "分组 {group} 的域名 {host} 不在证书 {path} 中"),
    Said(
        "Order a certificate with this name in it, or correct the group's hosts.",
        "申请包含该域名的证书，或修正分组的域名。",
    ),
)


async def _run(installation: Installation, _: str) -> Sequence[Finding]:
    snapshot, now = installation.snapshot, datetime.fromtimestamp(installation.place.clock(), UTC)
    found: list[Finding] = []
    tls = snapshot.listener.tls
    if tls is not None:
        found += _pair(tls, now)
        found += _hosts(installation, tls)
    authorities = dict.fromkeys(each.tls.ca for each in snapshot.upstreams if each.tls is not None and each.tls.ca)
    for path in authorities:
        found += _authority(path, now)
    if found:
        return found
    count = (tls is not None) + len(authorities)
    if not count:
        return [well("the configuration names none", "配置中没有证书")]
    return [
        well(f"{count} files of certificates are good for more than 30 days", f"{count} 个证书文件有效期都超过 30 天")
    ]


def _pair(tls: Tls, now: datetime) -> Iterator[Finding]:
    try:
        chain = _certificates(tls.certificate)
    except (OSError, ValueError) as error:
        yield _unreadable(tls.certificate, error)
        chain = []
    try:
        key = load_pem_private_key(Path(tls.key).read_bytes(), None).public_key()
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        yield _unreadable(tls.key, error)
        return
    if not chain:
        return
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_bytes(*form) != chain[0].public_key().public_bytes(*form):
        yield MISMATCH.seen(key=tls.key, path=tls.certificate)
    for certificate, issuer in pairwise(chain):
        if not _issued(certificate, issuer):
            yield CHAIN.seen(path=tls.certificate, name=_name(certificate))
    for certificate in chain:
        yield from _dates(tls.certificate, certificate, now)


def _authority(path: str, now: datetime) -> Iterator[Finding]:
    """One that is good is enough: bundles keep what has run out."""
    try:
        found = _certificates(path)
    except (OSError, ValueError) as error:
        yield _unreadable(path, error)
        return
    last = max(found, key=lambda certificate: certificate.not_valid_after_utc)
    yield from _dates(path, last, now)


def _hosts(installation: Installation, tls: Tls) -> Iterator[Finding]:
    try:
        leaf = _certificates(tls.certificate)[0]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return
    covered = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    covered |= {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    seen: dict[str, str] = {}
    for route in installation.snapshot.routes:
        for host in route.hosts:
            seen.setdefault(host, route.group)
    for host, group in seen.items():
        if host != "*" and host not in covered and f"*.{host.partition('.')[2]}" not in covered:
            yield HOST.seen(host=host, group=group, path=tls.certificate)


def _dates(path: str, certificate: x509.Certificate, now: datetime) -> Iterator[Finding]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    facts = {"path": path, "name": _name(certificate), "start": f"{start:%Y-%m-%d}", "end": f"{end:%Y-%m-%d}"}
    if not start <= now <= end:
        yield EXPIRED.seen(**facts)
    elif end - now < _FAIL:
        yield ENDS_VERY_SOON.seen(**facts)
    elif end - now < _WARN:
        yield ENDS_SOON.seen(**facts)


def _certificates(path: str) -> list[x509.Certificate]:
    """Those of a PEM file, one at least. Raises OSError or ValueError."""
    return x509.load_pem_x509_certificates(Path(path).read_bytes())


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "a certificate without a subject"


def _unreadable(path: str, error: Exception) -> Finding:
    why = Said("not PEM of the kind that is needed", "不是所需的 PEM 内容")
    if isinstance(error, OSError):
        why = Said(error.strerror or "unreadable", error.strerror or "无法读取")
    return UNREADABLE.seen(path=path, why=why)


CHECK = Check(
    "certificates",
    Said(
        "The listener's certificate and key and the upstreams' authorities: readable, fitting, in date, and for the "
        "groups' hosts.",
        "监听证书与私钥、上游 CA：可读、匹配、在有效期内，并覆盖各分组的域名。",
    ),
    (UNREADABLE, MISMATCH, CHAIN, EXPIRED, ENDS_VERY_SOON, ENDS_SOON, HOST),
    _run,
)
