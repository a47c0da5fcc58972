"""The platform of docs/how-to/add-a-platform.md, installed beside Menshen, through a real gateway.

It logs in at a small server of that platform, which is the platform's side and shares nothing with the adapter.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from menshen.emulator.payloads import encrypted, phone_info
from tests.docs.test_docs import blocks
from tests.edge.conftest import Stack, running_stack
from tests.edge.desk import Desk, admin_call, operator
from tests.edge.processes import REPOSITORY
from tests.serving import served

PAGE = "docs/how-to/add-a-platform.md"
SECRET = "planted-appsecret-of-acme-0123456789"
LEAK = "planted-session-key-in-an-exception"

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: acme, appid: a1, secret: "SECRET", base_url: "BASE"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"], timeout: 10}}
groups:
  - {{name: acme, hosts: ["*"], prefix: /acme, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - {{name: shop-login, type: AcmeMpLogin, app: shop}}
bindings:
  - {{plugin: shop-login, group: acme}}
""".replace("SECRET", SECRET)

BROKEN = f"""
import re
from menshen.platforms.bare import BarePlatform

class Faulty(BarePlatform):
    name = "faulty"
    plugin_type = "FaultyMpLogin"
    default_base_url = "https://open.faulty.example"
    code_pattern = re.compile("[a-z]+")
    settings_page = "open.faulty.example"

    def code2session(self, app, code):
        raise ValueError("{LEAK}")
        yield
"""


class Acme(ThreadingHTTPServer):
    """Acme's server. A code is the user's name in hex; ``error`` is what the next logins are answered with."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secret = SECRET
        self.used: set[str] = set()
        self.asked: list[dict[str, str]] = []
        self.error = 0
        self.body = b""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def key_of(self, user: str) -> str:
        return base64.b64encode(hashlib.md5(user.encode(), usedforsecurity=False).digest()).decode()

    def answer(self, asked: dict[str, str]) -> dict[str, object]:
        self.asked.append(asked)
        if self.error:
            return {"error": self.error, "message": f"told of {asked['code']} and {asked['secret']}"}
        if asked["app"] != "a1" or asked["secret"] != self.secret:
            return {"error": 101, "message": f"not the secret: {asked['secret']}"}
        user = bytes.fromhex(asked["code"]).decode(errors="replace").partition("#")[0]
        if not user.startswith("user-"):
            return {"error": 201, "message": "no such code"}
        if asked["code"] in self.used:
            return {"error": 202, "message": "used"}
        self.used.add(asked["code"])
        return {"user": user, "session_key": self.key_of(user)}


class _Handler(BaseHTTPRequestHandler):
    server: Acme

    def do_POST(self) -> None:
        assert self.path == "/session"
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = self.server.body or json.dumps(self.server.answer(asked)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not to the output of the tests."""


_codes = iter(range(10_000))


def code_of(user: str) -> str:
    return f"{user}#{next(_codes)}".encode().hex()


def install(site: Path, package: str, module: str, points: str) -> None:
    """A distribution, as pip would have left it."""
    information = site / f"{package}-1.0.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n")
    (information / "entry_points.txt").write_text(f"[menshen.platforms]\n{points}\n")
    (site / f"{package}.py").write_text(module)


def menshen(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "menshen", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The page's package as pip installs it."""
    directory = tmp_path_factory.mktemp("added")
    (project,) = blocks(PAGE, "toml")
    package = directory / "menshen-acme"
    package.mkdir()
    (package / "pyproject.toml").write_text(project)
    (package / "menshen_acme.py").write_text(blocks(PAGE, "python")[0])
    site = directory / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", site, package], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")])))
        yield site


@pytest.fixture(scope="module")
def acme() -> Iterator[Acme]:
    with served(Acme()) as server:
        yield server


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, acme: Acme, site: Path) -> Iterator[Stack]:
    document = DOCUMENT.replace("BASE", acme.origin)
    with running_stack(tmp_path_factory.mktemp("added-stack"), document) as running:
        yield running


def log_in(stack: Stack, user: str) -> str:
    reply = stack.gateway("/acme/login", ("js_code", code_of(user)))
    assert reply.status == 200, reply.raw
    return reply.headers["user_session"]


def test_a_login_and_a_check(stack: Stack) -> None:
    login = stack.gateway("/acme/login", ("js_code", code_of("user-lin")))
    assert login.status == 200, login.raw
    check = stack.gateway("/acme/orders", ("user_session", login.headers["user_session"]))
    for reply in (login, check):
        assert reply.identity["x-menshen-platform"] == "acme"
        assert reply.identity["x-menshen-appid"] == "a1"
        assert reply.identity["x-menshen-openid"] == "user-lin"
    assert check.identity["x-menshen-user"] == login.identity["x-menshen-user"]


def test_codes_that_are_wrong_used_or_none(stack: Stack, acme: Acme) -> None:
    assert stack.gateway("/acme/login", ("js_code", "00" * 16)).refusal == (401, 4022, "code_invalid")
    code = code_of("user-used")
    acme.used.add(code)
    assert stack.gateway("/acme/login", ("js_code", code)).refusal == (401, 4022, "code_used")
    before = len(acme.asked)
    assert stack.gateway("/acme/login", ("js_code", "no-hex")).refusal == (400, 4000, "code_malformed")
    assert len(acme.asked) == before


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (1, (503, 4021, "platform_says_busy")),
        (101, (502, 4017, "platform_refused_credentials")),
        (203, (403, 4003, "user_blocked")),
        (301, (429, 4023, "platform_limit")),
        (999, (502, 4021, "platform_reply_invalid")),
    ],
)
def test_what_the_platform_answers(stack: Stack, acme: Acme, error: int, refusal: tuple[int, int, str]) -> None:
    acme.error = error
    try:
        code = code_of("user-refused")
        refused = stack.gateway("/acme/login", ("js_code", code))
    finally:
        acme.error = 0
    assert refused.refusal == refusal
    log = (stack.config.parent / "serve.log").read_text()
    for secret in (SECRET, code):
        assert secret.encode() not in refused.raw
        assert secret not in log


@pytest.mark.parametrize("body", [b"<html>", b'{"user": "a\\r\\nb", "session_key": "x"}', b'{"user": "user-1"}'])
def test_answers_that_are_none(stack: Stack, acme: Acme, body: bytes) -> None:
    acme.body = body
    try:
        refused = stack.gateway("/acme/login", ("js_code", code_of("user-nonsense")))
    finally:
        acme.body = b""
    assert refused.refusal == (502, 4021, "platform_reply_invalid")


def test_a_number_in_open_data_is_bound(stack: Stack, acme: Acme) -> None:
    state = log_in(stack, "user-with-a-number")
    watermark = {"timestamp": int(time.time()), "appid": "a1"}
    fields = {**phone_info("13900007001", "86"), "watermark": watermark}
    made = encrypted(fields, acme.key_of("user-with-a-number"), os.urandom)
    data = dict(zip(("encryptedData", "iv"), made, strict=True))
    bound = stack.gateway.post_json("/v1/me/phone", data, ("user_session", state))
    assert bound.status == 200, bound.raw
    fresh = str(bound.json["user_session"])
    assert stack.gateway("/v1/me", ("user_session", fresh)).json["phone"] == "139****7001"
    refused = stack.gateway.post_json("/v1/me/phone", data, ("user_session", log_in(stack, "user-thief")))
    assert refused.refusal == (401, 4001, "session_key_stale")


def test_what_the_class_does_not_say_is_not_offered(stack: Stack) -> None:
    state = log_in(stack, "user-codeless")
    refused = stack.gateway.post_json("/v1/me/phone", {"phone_code": "abc"}, ("user_session", state))
    assert refused.refusal == (404, 4004, "not_offered")


def test_a_used_code_is_not_asked_for_again(stack: Stack, acme: Acme) -> None:
    code = code_of("user-replayed")
    assert stack.gateway("/acme/login", ("js_code", code)).status == 200
    before = len(acme.asked)
    assert stack.gateway("/acme/login", ("js_code", code)).refusal == (401, 4022, "code_used")
    assert len(acme.asked) == before


def test_the_admin_api_tells_of_its_plugin_type_and_takes_an_app_on_it(stack: Stack) -> None:
    kinds = {each["type"]: each for each in admin_call(stack, "GET", "/v1/plugin-types").json["types"]}
    assert (kinds["AcmeMpLogin"]["kind"], kinds["AcmeMpLogin"]["platform"]) == ("login", "acme")
    assert kinds["AcmeMpLogin"]["schema"]["properties"]["type"]["const"] == "AcmeMpLogin"
    app = {"name": "second", "platform": "acme", "appid": "a2", "secret": SECRET}
    made = admin_call(stack, "POST", "/v1/config/apps", app)
    assert made.status in (200, 201), made.raw
    keyed = admin_call(stack, "PUT", "/v1/config/apps/second", {**app, "data_key": "AAECAwQFBgcICQoLDA0ODw=="})
    assert keyed.status == 422, keyed.raw
    assert "the platform 'acme' has no such key" in keyed.raw.decode()


def test_the_consoles_forms_have_it(stack: Stack) -> None:
    operator(stack, "wang-wu", "operator")
    desk = Desk.of(stack, "wang-wu")
    assert b'<option value="acme"' in desk.get("/console/apps/-/new").raw
    assert b"AcmeMpLogin" in desk.get("/console/plugins/-/new").raw
    form = desk.get("/console/plugins/-/new/AcmeMpLogin")
    assert form.status == 200
    assert b"acme mini-program login" in form.raw
    assert desk.get("/console/apps/shop").status == 200
    assert SECRET.encode() not in desk.get("/console/apps").raw


def test_menshen_plugins_lists_it() -> None:
    listed = menshen("plugins")
    assert listed.returncode == 0, listed.stderr
    (line,) = [line for line in listed.stdout.splitlines() if "acme" in line]
    assert "platform acme" in line
    assert "menshen-acme 1.0.0" in line
    assert line.rstrip().endswith("ok")


def test_doctor_logs_in_there_and_knows_what_is_wrong(stack: Stack, acme: Acme) -> None:
    def told() -> list[dict[str, str]]:
        run = menshen("doctor", "--data-dir", str(stack.data_dir), "--app", "shop", "--json")
        found: list[dict[str, str]] = json.loads(run.stdout)["findings"]
        return found

    assert [each["status"] for each in told()] == ["ok"]
    acme.secret = "another-secret"
    try:
        (wrong,) = told()
    finally:
        acme.secret = SECRET
    assert "open.acme.example > Settings" in json.dumps(wrong)
    assert SECRET not in json.dumps(wrong)


def test_a_document_with_a_broken_platform_is_refused_with_the_reason(tmp_path: Path, site: Path) -> None:
    own = tmp_path / "site"
    install(own, "gone", "", "gone = no_such_module:Gone")
    document = tmp_path / "menshen.yaml"
    document.write_text("version: 1\napps:\n  - {name: shop, platform: gone, appid: a1, secret: some-secret-of-it}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(own), os.environ["PYTHONPATH"]]))
        checked = menshen("check", str(document))
        listed = menshen("plugins")
        doctor = menshen("doctor", "--data-dir", str(tmp_path / "data"), "--json")
    assert checked.returncode != 0
    assert "apps[0].platform" in checked.stdout + checked.stderr
    assert "the platform 'gone' is broken" in checked.stdout + checked.stderr
    assert "no_such_module" in checked.stdout + checked.stderr
    assert listed.returncode == 1
    assert "platform_broken" in doctor.stdout


def test_a_node_that_has_lost_the_package_does_not_start_with_a_revision_that_needs_it(tmp_path: Path) -> None:
    document, data = tmp_path / "menshen.yaml", tmp_path / "data"
    parts = {"apps": [{"name": "shop", "platform": "acme", "appid": "a1", "secret": SECRET}], "version": 1}
    document.write_text(json.dumps(parts))
    applied = menshen("apply", str(document), "--data-dir", str(data))
    assert applied.returncode == 0, applied.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY / "src"))
        served = menshen("serve", "--data-dir", str(data), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    assert served.returncode != 0
    assert "apps[0].platform: no platform is named 'acme'" in served.stdout + served.stderr


def test_a_platform_that_raises_logs_nobody_in_and_its_text_is_nowhere(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, site: Path
) -> None:
    own = tmp_path / "site"
    install(own, "faulty", BROKEN, "faulty = faulty:Faulty")
    document = DOCUMENT.replace("acme, appid", "faulty, appid").replace("AcmeMpLogin", "FaultyMpLogin")
    document = document.replace("BASE", "http://127.0.0.1:9")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(own), os.environ["PYTHONPATH"]]))
        with running_stack(
            tmp_path_factory.mktemp("faulty"), document.replace("BASE", "http://127.0.0.1:9")
        ) as running:
            refused = running.gateway("/acme/login", ("js_code", "abc"))
            log = (running.config.parent / "serve.log").read_text()
    assert refused.refusal == (500, 5005, "internal_fault")
    assert "ValueError at " in log
    assert LEAK not in log
    assert LEAK.encode() not in refused.raw
