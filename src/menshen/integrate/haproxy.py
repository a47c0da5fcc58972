"""HAProxy: a question by its own HTTP client, from a Lua script that is the same for every revision."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from menshen.config.snapshot import Upstream
from menshen.errors import Refusal
from menshen.integrate.answers import OWN_ANSWERS, body_of
from menshen.integrate.matches import ODD_PATHS, Match
from menshen.integrate.rendering import rendered
from menshen.integrate.site import Site
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE

__all__ = ["haproxy", "haproxy_script"]

_ID = "%[var(txn.menshen_id)]"


def haproxy(site: Site) -> str:
    """A whole ``haproxy.cfg``, with :func:`haproxy_script` beside it and the secret in the environment."""
    return rendered(
        "haproxy.cfg.j2",
        {
            "site": site,
            "variable": PROXY_SECRET_VARIABLE,
            # The wildcard last, then the longest: the first that a host fits counts.
            "domains": [
                (number, each.name, [_entry(match, site) for match in each.matches])
                for number, each in enumerate(sorted(site.domains, key=lambda d: (d.name[:1] == "*", -len(d.name))))
            ],
            "odd": _quoted(f"^[^ ]+ {ODD_PATHS}(?:\\?.*)?$"),
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


def _entry(match: Match, site: Site) -> tuple[str, str]:
    """A rule: an expression for ``METHOD /path?query``, and where such a request goes."""
    methods = f"(?:{'|'.join(match.methods)})" if match.methods else "[^ ]+"
    source = _quoted(f"^{methods} {match.path}(?:\\?.*)?$")
    if match.route is not None:
        return source, f"{'asked' if site.asks(match.route) else 'open'}:{match.route.upstream}:{match.route.id}"
    if match.status == 405:
        return source, f"405:{','.join(match.allow)}"
    return source, "404" if match.status else "client"


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
