"""The documentation says what the code does: tables are current, names complete, links lead somewhere, code runs."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from docs.generate import (
    ROOT,
    call_meanings,
    calls,
    commands,
    keys,
    plugin_keys,
    plugin_page,
    stale,
    title,
)
from menshen.callouts.signing import signed
from menshen.config.identity import PRESETS
from menshen.config.login_rules import SessionKind, SessionRules
from menshen.config.meanings import document_meanings, plugin_meanings
from menshen.config.own_paths import OWN_PATHS
from menshen.config.plugins.registry import PARTS
from menshen.config.user_rules import EVENTS
from menshen.doctor.examination import CHECKS
from menshen.documents.documents import load_document
from menshen.emulator.faults import FAULTS
from menshen.errors import ConfigInvalid, refusals
from menshen.gateway.assertion import Asserter
from menshen.gateway.hooks import GROUP, LoginAttempt, LoginDone
from menshen.secret import Secret
from menshen.sessions.claims import SessionClaims
from menshen.sessions.keys import FILES
from menshen.sessions.records import Record, Why
from menshen.web.admin import JWKS_PATH, SESSION_JWKS_PATH
from tests.platforms.app_keys import AES_KEY, private_text, public_text

READMES = ("README.md", "README.zh-CN.md")
PAGES = (
    *READMES,
    *sorted(
        str(path.relative_to(ROOT))
        for kind in ("docs", "examples")
        for path in (ROOT / kind).rglob("*.md")
        if not {"node_modules", "vendor"} & set(path.parts)  # libraries that examples have fetched
    ),
)
TRANSLATED = [page for page in PAGES if (ROOT / page.replace(".md", ".zh-CN.md")).exists() and "zh-CN" not in page]
ENVIRONMENT = {
    "SHOP_APPSECRET": "any-secret-of-shop",
    "CHAT_APPSECRET": "any-secret-of-chat",
    "TICKETS_PRIVATE_KEY": private_text("app"),
    "TICKETS_ALIPAY_KEY": public_text("platform"),
    "TICKETS_AES_KEY": AES_KEY,
    "CLIPS_APPSECRET": "any-secret-of-clips",
    "CLIPS_PRIVATE_KEY": private_text("data"),
    "NEWS_APPSECRET": "any-secret-of-news",
    "VIDEO_APPSECRET": "any-secret-of-video",
    "NOTES_APPSECRET": "any-secret-of-notes",
    "DESK_APPSECRET": "any-secret-of-desk",
    "OFFICE_APPSECRET": "any-secret-of-office",
    "STAFF_APPSECRET": "any-secret-of-staff",
    "PROVIDER_APPSECRET": "any-secret-of-the-provider",
    "PROVIDER_TOKEN": "any-token-of-the-provider",
    "PROVIDER_AESKEY": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    "ERP_KEY": "any-key-of-the-erp",
    "ERP_OLD_KEY": "any-old-key-of-the-erp",
}

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return [body for _, kind, body in _FENCE.findall(text(page)) if kind == language]


def prose(page: str) -> str:
    return _FENCE.sub("", text(page))


def test_generated_tables_are_current() -> None:
    assert stale() == [], "run: python docs/generate.py"


@pytest.mark.parametrize("page", [*READMES, "docs/reference/errors.md", "docs/reference/errors.zh-CN.md"])
def test_every_refusal_is_documented(page: str) -> None:
    assert [refusal.reason for refusal in refusals() if f"`{refusal.reason}`" not in text(page)] == []


def test_every_key_has_a_meaning_in_both_languages_and_no_meaning_is_left_over() -> None:
    texts = document_meanings()
    assert set(texts) == {path for path, _, _ in keys()}
    assert [path for path, pair in texts.items() if len(pair) != 2 or not all(pair)] == []


def test_every_key_of_every_plugin_type_has_a_meaning_and_a_place_on_its_page() -> None:
    found = {path for kind in PARTS for path, _, _ in plugin_keys(kind)}
    texts = plugin_meanings()
    assert set(texts) == found
    assert [path for path, pair in texts.items() if len(pair) != 2 or not all(pair)] == []
    for path in found:
        kind, _, key = path.partition(".")
        page = plugin_page(kind)
        assert f"| `{key}` |" in text(page), path
        assert f"| `{key}` |" in text(page.replace(".md", ".zh-CN.md")), path


@pytest.mark.parametrize("page", ["docs/reference/configuration.md", "docs/reference/configuration.zh-CN.md"])
def test_every_key_is_documented(page: str) -> None:
    assert [path for path, _, _ in keys() if f"| `{path}` |" not in text(page)] == []


def test_every_command_and_option_is_documented() -> None:
    """Each once, subcommands too, with all its options and arguments; and no command that is not there."""
    page = text("docs/reference/commands.md")
    sections = re.findall(r"^### (menshen [^\n]+)\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert [heading for heading, _ in sections] == [title(name, command) for name, command in commands().items()]
    for (heading, section), command in zip(sections, commands().values(), strict=True):
        listed = re.findall(r"^- `([^`]+)`: (.*)$", section, re.MULTILINE)
        assert len(listed) == len(command.params), heading
        for (written, meaning), parameter in zip(listed, command.params, strict=True):
            names = parameter.opts if parameter.param_type_name == "option" else [_argument(parameter)]
            assert [name for name in names if name not in written] == [], heading
            assert meaning.strip() not in ("", "None"), (heading, written)


def _argument(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def test_subcommands_are_commands_of_their_own() -> None:
    assert {"sessions list", "sessions revoke", "keys list", "keys rotate", "keys retire", "users claims"} <= set(
        commands()
    )
    assert not {"sessions", "keys", "users"} & set(commands())


@pytest.mark.parametrize("page", ["docs/reference/configuration.md", "docs/reference/configuration.zh-CN.md"])
def test_every_environment_variable_is_documented(page: str) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    used = set(re.findall(r"\bMENSHEN_[A-Z_]+\b", sources))
    assert used
    assert [name for name in sorted(used) if f"`{name}`" not in text(page)] == []


@pytest.mark.parametrize("page", ["docs/reference/emulator.md", "docs/reference/emulator.zh-CN.md"])
def test_every_fault_is_documented(page: str) -> None:
    assert [fault for fault in sorted(FAULTS) if f"`{fault}`" not in text(page)] == []


@pytest.mark.parametrize("page", ["docs/reference/identity-headers.md", "docs/reference/identity-headers.zh-CN.md"])
def test_every_identity_header_is_documented(page: str) -> None:
    pairs = [pair for preset in PRESETS.values() for pair in preset]
    assert [header for field, header in pairs if f"| `{header}` | `{field}`" not in text(page)] == []


@pytest.mark.parametrize("page", ["docs/reference/sessions.md", "docs/reference/sessions.zh-CN.md"])
def test_everything_about_sessions_is_documented(page: str) -> None:
    shown_fields = {field.name for field in fields(Record)} - {"id", "digest", "openid", "unionid", "claims", "tags"}
    rules = {field.name for field in fields(SessionRules)} - {"name"}
    names = {
        *(shown_fields | {"cursor"}),
        *(rules - {"refresh"} | {"refresh.expires_in", "refresh.name"}),
        *get_args(SessionKind),
        *(set(get_args(Why)) - {"expired"}),
        *FILES,
        *FILES.values(),
        *(f"{method} /v1/{call}" for call in ("token", "logout", "sessions") for method in OWN_PATHS[call]),
        *(path for path in (JWKS_PATH, SESSION_JWKS_PATH)),
    }
    assert [name for name in sorted(names) if not re.search(rf"`(session\.)?{re.escape(name)}[`:]", text(page))] == []


@pytest.mark.parametrize("page", ["docs/reference/user-api.md", "docs/reference/user-api.zh-CN.md"])
def test_every_call_of_the_user_api_is_documented(page: str) -> None:
    """Those that are served, and those that Envoy hands over: no more, no fewer."""
    handed = {f"{method} {path}" for path, methods in OWN_PATHS.items() for method in methods}
    assert {f"{call.method} {call.path}" for call in calls()} == set(call_meanings()) == handed
    listed = set(re.findall(r"^\| `((?:GET|POST|PATCH|PUT|DELETE) [^`]+)` \|", text(page), re.MULTILINE))
    assert listed == handed


@pytest.mark.parametrize("page", ["docs/reference/webhooks.md", "docs/reference/webhooks.zh-CN.md"])
def test_every_event_of_webhooks_is_documented(page: str) -> None:
    table = text(page).partition("## ")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [*EVENTS, "test"]


@pytest.mark.parametrize("page", ["docs/reference/webhooks.md", "docs/reference/webhooks.zh-CN.md"])
@pytest.mark.parametrize("secret", ["a-secret-of-the-team", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_the_receiver_in_the_page_knows_our_signature(page: str, secret: str) -> None:
    (code,) = blocks(page, "python")
    names: dict[str, Any] = {}
    exec(compile(code, page, "exec"), names)
    body, now = '{"type": "登录"}'.encode(), time.time()
    for at, sent, known in ((now, body, True), (now - 301, body, False), (now, body + b" ", False)):
        headers = signed("https://a.example.com", Secret(secret), body, "msg_1", at, 1.0).headers
        assert names["is_menshens"](dict(headers), sent, secret) is known
        assert not names["is_menshens"](dict(headers), sent, "another-secret-of-a-team")


@pytest.mark.parametrize("page", ["docs/reference/hooks.md", "docs/reference/hooks.zh-CN.md"])
def test_everything_that_a_hook_is_told_is_documented(page: str) -> None:
    told = {field.name for kind in (LoginAttempt, LoginDone) for field in fields(kind)}
    assert [name for name in sorted({GROUP, *told}) if f"`{name}`" not in text(page)] == []
    (code,) = blocks(page, "python")
    made: dict[str, Any] = {}
    exec(compile(code, page, "exec"), made)
    hook = made["Staff"]()
    attempt = LoginAttempt("backoffice", "wechat", "wx1", "code")
    assert hook.before_login(attempt)
    assert hook.before_login(replace(attempt, account="e-1")) is None
    done = LoginDone(attempt, "u1", False, "vip-1")
    assert asyncio.run(hook.after_login(done)) == {"level": "gold"}


@pytest.mark.parametrize("page", ["docs/how-to/doctor.md", "docs/how-to/doctor.zh-CN.md"])
def test_every_check_of_the_doctor_has_a_section_and_a_row_for_all_it_can_find(page: str) -> None:
    sections = re.findall(r"^### `([\w*]+)`\n(.*?)(?=^##|^<!--)", text(page), re.MULTILINE | re.DOTALL)
    rows = {name: len(re.findall(r"^\| ", section, re.MULTILINE)) - 2 for name, section in sections}
    assert rows == {check.name: len(check.troubles) for check in CHECKS} | {"*": 2}


@pytest.mark.parametrize("page", ["docs/how-to/logs.md", "docs/how-to/logs.zh-CN.md"])
def test_every_log_event_is_documented(page: str) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    events = {a or b for a, b in re.findall(r'"(\w+)",\s*extra=|log\.\w+\(\s*"(\w+)"', sources)}
    assert {"login_refused", "worker_died", "envoy_died"} <= events
    assert [event for event in sorted(events) if f"`{event}`" not in text(page)] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for link in _LINK.findall(prose(page)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.is_file(), f"{page}: {link}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}, f"{page}: {link}"


@pytest.mark.parametrize("page", ["docs/threat-model.md", "docs/threat-model.zh-CN.md"])
def test_the_tests_that_are_named_exist(page: str) -> None:
    for file, _, name in re.findall(r"`(tests/[\w/]+\.py)(::(\w+))?`", text(page)):
        source = ROOT / file
        assert source.is_file(), file
        assert not name or re.search(rf"^def {name}\(", source.read_text(encoding="utf-8"), re.MULTILINE), (file, name)


@pytest.mark.parametrize("page", PAGES)
def test_documents_in_the_pages_hold(page: str) -> None:
    for document in blocks(page, "yaml"):
        if document.startswith("version: 1\n"):
            try:
                load_document(document, ENVIRONMENT)
            except ConfigInvalid as error:
                pytest.fail(f"{page}: {error}")


@pytest.mark.parametrize("page", READMES)
def test_the_readme_configuration_passes_check_and_is_short(page: str) -> None:
    (document,) = blocks(page, "yaml")
    assert len(document.splitlines()) <= 20
    assert {route.id for route in load_document(document, ENVIRONMENT).snapshot.routes} == {
        "mall/login",
        "mall/order",
        "mall/assets",
    }


@pytest.mark.parametrize("page", [page for page in PAGES if "```js" in text(page)])
def test_javascript_parses(page: str, tmp_path: Path) -> None:
    for number, code in enumerate(blocks(page, "js")):
        file = tmp_path / f"block{number}.js"
        file.write_text(code, encoding="utf-8")
        checked = subprocess.run(["node", "--check", file], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("page", ["docs/how-to/refresh.md", "docs/how-to/refresh.zh-CN.md"])
def test_the_mini_program_refreshes_once_and_logs_in_when_that_fails(page: str, tmp_path: Path) -> None:
    (code,) = blocks(page, "js")
    file = tmp_path / "refresh.js"
    file.write_text(_WECHAT + code + _SCENES, encoding="utf-8")
    ran = subprocess.run(["node", file], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


_WECHAT = """
const assert = require('node:assert');
const store = {}, asked = [];
const good = { states: new Set(), tokens: new Set() };
let made = 0, answers = true;
const hand = () => {
  const header = { user_session: `state${++made}`, refresh_token: `token${made}` };
  good.states.add(header.user_session), good.tokens.add(header.refresh_token);
  return { statusCode: 200, header, data: {} };
};
const refuse = { statusCode: 401, header: {}, data: { code: 4024, action: 'login' } };
const serve = ({ url, header, data }) => {
  if (url.endsWith('/v1/token')) return good.tokens.delete(data.refresh_token) ? hand() : refuse;
  if (header.js_code) return hand();
  return good.states.has(header.user_session) ? { statusCode: 200, header: {}, data: { url } } : refuse;
};
const wx = {
  login: ({ success }) => success({ code: 'code' }),
  getStorageSync: (name) => store[name] ?? '',
  setStorageSync: (name, value) => { store[name] = value; },
  removeStorageSync: (name) => { delete store[name]; },
  request: (options) => {
    asked.push(options.url.replace('https://api.example.com', ''));
    const answer = serve(options);
    setTimeout(() => (answers ? options.success(answer) : options.fail(new Error('no network'))), 1);
  },
};
"""
"""As much of a phone as the snippet touches, with a gateway behind it."""

_SCENES = """
const many = async () => {
  asked.length = 0;
  const all = await Promise.all(Array.from({ length: 10 }, (_, i) => call(`/mall/orders/${i}`)));
  assert.deepStrictEqual(all.map((answer) => answer.data.url), all.map((_, i) => `https://api.example.com/mall/orders/${i}`));
  return asked.filter((path) => !path.startsWith('/mall/orders/'));
};
(async () => {
  assert.deepStrictEqual(await many(), ['/mall/login']);
  good.states.clear();
  assert.deepStrictEqual(await many(), ['/v1/token']);
  good.states.clear(), good.tokens.clear();
  assert.deepStrictEqual(await many(), ['/v1/token', '/mall/login']);
  answers = false;
  await assert.rejects(call('/mall/orders/1'));
  answers = true, good.states.clear();
  assert.deepStrictEqual(await many(), ['/v1/token']);
  answers = false, good.states.clear();
  await assert.rejects(renew());
  answers = true;
  assert.deepStrictEqual(await many(), ['/mall/login']); // the answer was lost: the token is not sent again
  assert.deepStrictEqual(await many(), []);
})();
"""


@pytest.mark.parametrize("page", [page for page in PAGES if "```python" in text(page)])
def test_python_compiles(page: str) -> None:
    for code in blocks(page, "python"):
        compile(code, page, "exec")


@pytest.mark.parametrize("page", READMES)
def test_the_readme_backend_verifies_assertions(page: str) -> None:
    (code,) = blocks(page, "python")
    names: dict[str, Any] = {}
    exec(compile(code, page, "exec"), names)
    key = ECKey.generate_key("P-256", {"kid": "1"})
    jwks = KeySet([key]).as_dict(private=False)
    now = int(time.time())
    claims = SessionClaims("uabc", "sid", "wechat", "wx1", "openid", "", now, now + 60)
    good = Asserter([key]).assertion(claims, "shop", "orders", now)
    assert names["caller"](good, jwks)["openid"] == "openid"
    stranger = ECKey.generate_key("P-256", {"kid": "1"})
    for bad in (
        Asserter([key]).assertion(claims, "shop", "others", now),
        Asserter([key]).assertion(claims, "shop", "orders", now - 3600),
        Asserter([stranger]).assertion(claims, "shop", "orders", now),
    ):
        with pytest.raises(JoseError):
            names["caller"](bad, jwks)


@pytest.mark.parametrize("page", TRANSLATED)
def test_both_languages_have_the_same_shape(page: str) -> None:
    """Headings level by level, and code blocks of the same kinds in the same order."""
    shapes = []
    for version in (page, page.replace(".md", ".zh-CN.md")):
        headings = re.findall(r"^(#+) ", prose(version), re.MULTILINE)
        shapes.append((headings, [kind for _, kind, _ in _FENCE.findall(text(version))]))
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("page", READMES)
def test_the_readmes_do_not_differ_in_code(page: str) -> None:
    """But for comments: who copies from one gets what the other has."""
    other = READMES[1 - READMES.index(page)]
    for kind in ("yaml", "js", "python"):
        bare = [
            [re.sub(r"\s*(#|//).*$", "", line) for line in "".join(blocks(p, kind)).splitlines()] for p in (page, other)
        ]
        assert bare[0] == bare[1]


@pytest.mark.parametrize("page", PAGES)
def test_nothing_of_a_machine_is_in_a_page(page: str) -> None:
    assert not re.search(r"/home/|/root/|/work/|/Users/|/tmp/|BEGIN [A-Z ]*PRIVATE KEY", text(page))
