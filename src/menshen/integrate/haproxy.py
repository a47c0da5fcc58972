"""HAProxy: a question by its own HTTP client, from a Lua script that is the same for every revision."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any, Final

from menshen.config.snapshot import Upstream
from menshen.errors import Refusal
from menshen.integrate.answers import OWN_ANSWERS, body_of
from menshen.integrate.matches import ODD_PATHS, Match, in_branches
from menshen.integrate.rendering import rendered
from menshen.integrate.site import Domain, Site
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE

__all__ = ["haproxy", "haproxy_script"]

_ID = "%[var(txn.menshen_id)]"

_AT_ONCE: Final = 32
"""Expressions that are tried one after the other in one rule. A rule, whether it is the one or not, costs as much as
several of them; a line has 64 words at most, and a first segment is one."""


def haproxy(site: Site) -> str:
    """A whole ``haproxy.cfg``, with :func:`haproxy_script` beside it and the secret in the environment."""
    return rendered(
        "haproxy.cfg.j2",
        {
            "site": site,
            "variable": PROXY_SECRET_VARIABLE,
            # The wildcard last, then the longest: the first that a host fits counts.
            "domains": [
                (number, each.name, _branches(each, site))
                for number, each in enumerate(sorted(site.domains, key=lambda d: (d.name[:1] == "*", -len(d.name))))
            ],
            "even": _quoted(f"^[^ ]+ (?!{ODD_PATHS}(?:\\?.*)?$)"),
            "strip": _quoted(f"^{site.pattern}$"),
            "credentials": {
                name: _quoted(f"^(?:asked|open):[^:]+:(?:{'|'.join(groups)})/")
                for name, groups in site.credentials.items()
            },
            "verify_tls": _verify_tls(site),
            "upstreams": [_upstream(upstream) for upstream in site.upstreams],
            "refusals": OWN_ANSWERS,
            # HAProxy's own word for who breaks off; the status is put right behind it.
            "broken": {name: _answer(OWN_ANSWERS[name], 502) for name in ("unavailable", "no_backend")},
            "answers": {name: _answer(refusal) for name, refusal in OWN_ANSWERS.items()},
        },
    )


def haproxy_script() -> str:
    """``menshen.lua``."""
    return (files("menshen.integrate") / "templates" / "menshen.lua").read_text(encoding="utf-8")


def _branches(domain: Domain, site: Site) -> list[tuple[str, str]]:
    """First segments of a path, "" for all others, and the converters that find where a request below them goes."""
    return [
        (" ".join(map(_quoted, segments)), "".join(_converter(match, site) for match in matches))
        for segments, matches in in_branches(domain.matches, _AT_ONCE)
    ]


def _converter(match: Match, site: Site) -> str:
    """Turns ``METHOD /path?query`` into where such a request goes. That has no space, so no other turns it again."""
    methods = f"(?:{'|'.join(match.methods)})" if match.methods else "[^ ]+"
    expression = f"^{methods} {match.path}(?:\\?.*)?$".replace("'", r"\x27")
    return re.sub(r'([\\"$])', r"\\\1", f",regsub('{expression}','{_target(match, site)}')")


def _target(match: Match, site: Site) -> str:
    if match.route is not None:
        return f"{'asked' if site.asks(match.route) else 'open'}:{match.route.upstream}:{match.route.id}"
    if match.status == 405:
        return f"405:{','.join(match.allow)}"
    return "404" if match.status else "client"


def _upstream(upstream: Upstream) -> dict[str, Any]:
    tls = ""
    if upstream.tls is not None:
        name, ca = upstream.tls.server_name, upstream.tls.ca or "/etc/ssl/certs/ca-certificates.crt"
        tls = f" ssl verify required sni str({name}) verifyhost {name} ca-file {ca}"
    return {
        "name": upstream.name,
        "servers": [str(endpoint) for endpoint in upstream.endpoints],
        "connect": f"{round(upstream.connect_timeout * 1000)}ms",
        "timeout": f"{round(upstream.timeout * 1000)}ms" if upstream.timeout else "1h",
        "tls": tls,
    }


def _verify_tls(site: Site) -> str:
    tls = site.verify_tls
    if tls is None:
        return ""
    shown = f" crt {tls.certificate}" if tls.certificate else ""
    return f" ssl ssl-min-ver TLSv1.3 verify required sni str({tls.name}) verifyhost {tls.name} ca-file {tls.ca}{shown}"


def _answer(refusal: type[Refusal], status: int = 0) -> str:
    """The part of a rule that says status (the refusal's own for 0), headers and body."""
    body = body_of(refusal, "@id").replace("%", "%%").replace("@id", _ID)
    return (
        f'status {status or refusal.status} content-type "application/json; charset=utf-8" lf-string {_quoted(body)}'
        f" hdr x-menshen-code {refusal.code} hdr cache-control no-store"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"
