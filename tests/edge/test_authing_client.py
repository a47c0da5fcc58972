"""Authing's published mini-program client, ``authing-wxapp-sdk`` 4.3.22-alpha.7, with only its ``host`` changed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.edge.conftest import APPID, OTHER_APPID, SECRET, Stack, running_stack
from tests.edge.processes import REPOSITORY, Reply
from tests.edge.sessions import Mint
from tests.users.image_samples import png

PAGE = REPOSITORY / "tests" / "wx" / "authing_page.js"
SOCIAL = "connections/social/wechat-miniprogram"

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
  - {{name: other, platform: wechat, appid: {other_appid}, secret: "${{OTHER_SECRET}}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"]}}
groups:
  - {{name: mall, prefix: /mall, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: tsf, prefix: /tsf, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: other, prefix: /other, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - {{name: tsf-login, type: WeChatMpLogin, app: shop}}
  - name: shop-login
    type: WeChatMpLogin
    app: shop
    preset: authing
    code: {{in: header, name: js_code}}
  - {{name: other-login, type: WeChatMpLogin, app: other, preset: authing}}
bindings:
  - {{plugin: tsf-login, group: tsf}}
  - {{plugin: shop-login, group: mall}}
  - {{plugin: other-login, group: other}}
users:
  phone: {{owned: sign_in}}
"""

ALONE = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"]}}
groups:
  - {{name: mall, prefix: /mall, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: web, prefix: /web, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - {{name: shop-login, type: WeChatMpLogin, app: shop, session: {{kind: reference}}}}
  - name: web-login
    type: WeChatMpLogin
    app: shop
    session: {{kind: reference, return_in: cookie, request_in: cookie}}
bindings:
  - {{plugin: shop-login, group: mall}}
  - {{plugin: web-login, group: web}}
users:
  phone: {{owned: refuse}}
  limits: {{user: {{count: 3, seconds: 60}}}}
"""

FIELDS = {
    *("id", "userPoolId", "status", "username", "email", "emailVerified", "phone", "phoneVerified", "openid"),
    *("unionid", "nickname", "photo", "token", "tokenExpiredAt", "loginsCount", "lastLogin", "lastIP", "signedUp"),
    *("blocked", "isDeleted", "gender", "locale", "city", "province", "country", "createdAt"),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("authing"), DOCUMENT, "--workers", "2") as running:
        app = {"appid": APPID, "secret": SECRET, "unionid": True}
        assert running.emulator.post_json("/emulator/wechat/apps", app).status == 200
        yield running


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One app, whose plugin knows nothing of Authing's client."""
    with running_stack(tmp_path_factory.mktemp("alone"), ALONE) as running:
        yield running


class Phone:
    """A user's phone with the page on it. Its storage stays from run to run."""

    def __init__(self, stack: Stack, modules: Path, user: str, phone: str = "", **options: Any) -> None:
        self.stack, self.modules, self.user, self.phone = stack, modules, user, phone
        self.options = {"appId": APPID, **options}
        self.storage: dict[str, Any] = {}
        self.sent: list[dict[str, Any]] = []
        self.profile: dict[str, Any] = {}
        self.picture = ""

    def does(self, *steps: Any) -> list[dict[str, Any]]:
        settings = {
            "modules": str(self.modules),
            "host": f"{self.stack.gateway.origin}/v1/authing",
            "gateway": self.stack.gateway.origin,
            "emulator": self.stack.emulator.origin,
            "appid": APPID,
            "user": self.user,
            "phone": self.phone,
            "profile": self.profile,
            "picture": self.picture,
            "options": self.options,
            "storage": self.storage,
            "steps": [[step] if isinstance(step, str) else step for step in steps],
        }
        run = subprocess.run(["node", str(PAGE), json.dumps(settings)], capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, run.stderr
        printed = json.loads(run.stdout)
        self.storage, self.sent = printed["storage"], printed["sent"]
        done: list[dict[str, Any]] = printed["done"]
        return done

    def gives(self, *steps: Any) -> Any:
        """What the last of these steps gives, where all succeed."""
        done = self.does(*steps)
        assert all("error" not in step and not step["told"] for step in done), done
        return done[-1].get("value")

    def refused(self, *steps: Any) -> tuple[int, str, str]:
        """What ``onError`` was told of the last of these steps, once: number, reason, action."""
        done = self.does(*steps)
        assert "error" in done[-1], done
        (told,) = done[-1]["told"]
        assert told["message"]
        assert told["data"]["request_id"]
        return told["code"], told["data"]["reason"], told["data"]["action"]

    @property
    def token(self) -> str:
        return str(self.storage["_authing_token"])

    def expire(self) -> None:
        """The token on the phone is as old as if the page had been away for a week."""
        mint = Mint(self.stack)
        claims = mint.claims(self.token)
        old = replace(claims, iat=claims.iat - 604_800, exp=int(time.time()) - 60)
        self.storage["_authing_token"] = mint.state("sealed", old)


def posted(stack: Stack, path: str, body: Any, *headers: tuple[str, str]) -> Reply:
    return stack.gateway.post_json(f"/v1/authing/{path}", body, *headers)


# Logging in


def test_a_code_logs_in_and_the_user_is_authings(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "zhangsan")
    user = phone.gives(["loginByCode", "$code"])
    assert set(user) == FIELDS
    assert user["token"] == phone.token
    assert phone.storage["_authing_user"] == user
    assert (user["nickname"], user["phone"], user["blocked"], user["loginsCount"]) == (None, None, False, 1)
    again = phone.gives(["loginByCode", "$code"])
    assert (again["id"], again["loginsCount"]) == (user["id"], 2)
    assert again["token"] != user["token"]


def test_encrypted_data_fill_in_the_profile_and_raw_data_alone_prove_nothing(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "named")
    forged = json.dumps({"nickName": "somebody-else", "gender": 2})
    assert phone.gives(["loginByCode", "$code", {"rawData": forged}])["nickname"] is None
    phone.profile = {"nickName": "张三", "gender": 1, "city": "Shenzhen"}
    user = phone.gives("open")
    assert (user["nickname"], user["gender"], user["city"]) == ("张三", "M", "Shenzhen")


def test_a_new_number_is_bound_to_who_has_the_phone(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "lisi", "13800000001")
    known = phone.gives(["loginByCode", "$code"])
    assert known["phone"] is None
    user = phone.gives(["press", "loginByPhone"])
    assert (user["id"], user["phone"], user["phoneVerified"]) == (known["id"], "138****0001", True)
    nobody = Phone(stack, published, "wangwu", "13800000002").gives(["press", "loginByPhone"])
    assert (nobody["phone"], nobody["loginsCount"]) == ("138****0002", 1)


def test_a_known_number_logs_in_its_user_and_binds_this_wechat_to_him(stack: Stack, published: Path) -> None:
    first = Phone(stack, published, "zhaoliu", "13800000003").gives(["press", "loginByPhone"])
    second = Phone(stack, published, "zhaoliu-second-wechat", "13800000003")
    assert second.gives(["press", "loginByPhone"])["id"] == first["id"]
    assert second.gives(["loginByCode", "$code"])["id"] == first["id"]


def test_a_known_number_is_refused_where_the_operator_wants_it_so(alone: Stack, published: Path) -> None:
    Phone(alone, published, "owner", "13800000004").gives(["press", "loginByPhone"])
    taken = Phone(alone, published, "finder", "13800000004").refused(["press", "loginByPhone"])
    assert taken == (2215, "phone_taken", "none")


# The number alone


def test_a_number_is_told_to_who_is_not_logged_in_and_nothing_is_kept(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "sunqi", "13800000005")
    told = phone.gives(["press", "getPhone"])
    assert set(told) == {"countryCode", "phoneNumber", "purePhoneNumber", "openid", "unionid"}
    assert (told["countryCode"], told["purePhoneNumber"]) == ("86", "13800000005")
    assert phone.storage == {}
    user = phone.gives(["loginByCode", "$code"])
    assert (user["phone"], user["loginsCount"]) == (None, 1)
    assert (user["openid"], user["unionid"]) == (told["openid"], told["unionid"])


def test_a_number_costs_its_code(stack: Stack, published: Path) -> None:
    phone, used = Phone(stack, published, "zhouba", "13800000006"), (4022, "code_used", "login")
    assert phone.refused(["press", "getPhone"], ["loginByCode", "$last"]) == used
    assert phone.refused(["loginByCode", "$code"], ["getPhone", "$last", "AAAAAAAAAAAAAAAAAAAAAA==", "A" * 64]) == used


def test_numbers_are_told_within_the_limits_of_logins(alone: Stack, published: Path) -> None:
    phone = Phone(alone, published, "curious", "13800000007")
    assert phone.refused(*[["press", "getPhone"]] * 4) == (4025, "login_limit", "retry")


def test_data_of_another_user_are_no_number(stack: Stack) -> None:
    ask = {"appid": APPID, "user": "victim", "kind": "phone", "phone": "13800000008"}
    stack.code("victim")
    stolen = stack.emulator.post_json("/emulator/wechat/open-data", ask).json
    for path in ("getphone", "auth-by-phone"):
        body = {"code": stack.code("thief"), "iv": stolen["iv"], "encryptedData": stolen["encryptedData"]}
        reply = posted(stack, f"{SOCIAL}/{path}", body, ("x-authing-app-id", "shop"))
        assert (reply.status, reply.json["data"]["reason"]) == (400, "open_data_invalid")
        assert b"13800000008" not in reply.raw


# Once logged in


def test_a_token_is_good_at_the_teams_apis(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "wujiu")
    user = phone.gives(["loginByCode", "$code"])
    answer = phone.gives(["order", "/mall/orders/1"])
    seen = {name.lower(): value for name, value in answer["data"]["headers"]}
    assert (answer["statusCode"], seen["x-menshen-user"]) == (200, user["id"])
    assert "authorization" not in seen


def test_a_business_body_may_have_a_code_of_its_own(stack: Stack, published: Path) -> None:
    phone, before = Phone(stack, published, "zheng"), stack.exchanges()
    user = phone.gives(["loginByCode", "$code"])
    bearer = ("authorization", f"Bearer {phone.token}")
    reply = stack.gateway.post_json("/mall/orders", {"code": "COUPON-2026-11"}, bearer)
    assert (reply.status, reply.identity["x-menshen-user"]) == (200, user["id"])
    assert stack.exchanges() == before + 1


def test_an_expired_token_is_noticed_and_the_page_logs_in_again(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "zhengshi")
    user = phone.gives(["loginByCode", "$code"])
    status = phone.gives("checkLoginStatus")
    assert (status["code"], status["status"], status["data"]["id"]) == (200, True, user["id"])
    phone.expire()
    before = stack.exchanges()
    status = phone.gives("checkLoginStatus")
    assert (status["code"], status["status"]) == (2206, False)
    answer = phone.gives(["order", "/mall/orders/1"])
    assert answer["statusCode"] == 200
    assert [each["statusCode"] for each in phone.sent] == [401, 200, 200]
    assert stack.exchanges() == before + 1
    assert phone.gives("checkLoginStatus")["status"] is True


@pytest.mark.parametrize(("token", "code"), [("", 2020), ("a-token-of-authings.own.making", 2207), ("x", 2207)])
def test_who_has_no_good_token_is_told_so(stack: Stack, published: Path, token: str, code: int) -> None:
    phone = Phone(stack, published, "qian")
    if token:
        phone.storage["_authing_token"] = token
    status = phone.gives("checkLoginStatus")
    assert (status["code"], status["status"], status["data"]) == (code, False, None)
    assert phone.does("getCurrentUser")[0]["value"] is None
    # A page that was at Authing before comes with its old token, and is let in.
    assert phone.gives(["loginByCode", "$code"])["token"]


def test_the_user_is_told_and_changed_and_the_token_stays(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "feng", "13800000009")
    user = phone.gives(["press", "loginByPhone"])
    assert phone.gives("getCurrentUser")["id"] == user["id"]
    assert phone.token == user["token"]
    changes = {"nickname": "冯", "gender": "F", "locale": "zh_CN", "city": "Xi'an"}
    changed = phone.gives(["updateProfile", changes])
    assert {name: changed[name] for name in changes} == changes
    assert (changed["id"], changed["phone"], phone.token) == (user["id"], "138****0009", user["token"])
    assert phone.gives(["updateProfile", {"nickname": "", "gender": "U"}])["nickname"] is None
    assert phone.gives("getCurrentUser")["city"] == "Xi'an"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"company": "Example"},
        {"phone": "13800000000"},
        {"openid": "o-of-another"},
        {"nickname": "x" * 65},
        {"photo": "https://elsewhere.example.com/face.png"},
    ],
    ids=json.dumps,
)
def test_what_is_not_kept_here_is_refused_whole(stack: Stack, published: Path, change: dict[str, str]) -> None:
    phone = Phone(stack, published, "chen")
    steps = [["loginByCode", "$code"], ["updateProfile", change]]
    assert phone.refused(*steps) == (4000, "call_malformed", "none")


def test_an_avatar_is_uploaded_with_the_token(stack: Stack, published: Path, tmp_path: Path) -> None:
    phone = Phone(stack, published, "jin")
    phone.gives(["loginByCode", "$code"])
    (tmp_path / "face.png").write_bytes(png(8, 8))
    phone.picture = str(tmp_path / "face.png")
    photo = phone.gives("avatar")["photo"]
    assert photo.startswith(f"{stack.gateway.origin}/v1/avatars/")
    assert stack.gateway(photo.removeprefix(stack.gateway.origin)).headers["content-type"] == "image/png"
    assert phone.gives("getCurrentUser")["photo"] == photo
    assert phone.gives(["updateProfile", {"photo": ""}])["photo"] is None
    assert stack.gateway(photo.removeprefix(stack.gateway.origin)).status == 404


def test_an_upload_without_a_token_is_refused_and_the_page_hears_of_it(
    stack: Stack, published: Path, tmp_path: Path
) -> None:
    """The package's ``updateAvatar`` sends none, and looks at no refusal: what it asks for next is refused instead."""
    phone = Phone(stack, published, "tao")
    (tmp_path / "face.png").write_bytes(png(8, 8))
    phone.picture = str(tmp_path / "face.png")
    assert phone.refused(["loginByCode", "$code"], "updateAvatar") == (4000, "call_malformed", "none")
    assert phone.gives("getCurrentUser")["photo"] is None


def test_logging_out_ends_the_session_and_never_fails(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "chu")
    phone.gives(["loginByCode", "$code"])
    token = phone.token
    phone.gives("logout")
    assert phone.storage == {}
    reply = posted(stack, "graphql/v2", {"query": "{"}, ("authorization", f"Bearer {token}"))
    assert reply.json["errors"][0]["message"]["code"] == 4000
    deadline = time.monotonic() + 90
    phone.storage["_authing_token"] = token
    while phone.gives("checkLoginStatus")["code"] != 2207:
        assert time.monotonic() < deadline
    phone.gives("logout")
    phone.gives("logout")


# What goes wrong


def test_a_wrong_code_is_told_and_not_tried_again(stack: Stack, published: Path) -> None:
    phone, before = Phone(stack, published, "wei"), stack.exchanges()
    assert phone.refused(["loginByCode", "0123456789abcdef0123456789abcdef"]) == (4022, "code_invalid", "login")
    assert phone.refused(["loginByCode", "not a code!"]) == (4000, "code_malformed", "none")
    assert stack.exchanges() == before + 1
    assert phone.storage == {}


def test_a_busy_platform_is_told_and_not_asked_again(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "jiang")
    phone.gives(["loginByCode", "$code"])
    phone.expire()
    before = stack.exchanges()
    with stack.faulty(fault="-1", rate=1.0):
        assert phone.refused(["loginByCode", "$code"]) == (4021, "platform_says_busy", "retry")
        assert [each["statusCode"] for each in phone.sent] == [503]
        assert phone.refused(["order", "/mall/orders/1"]) == (4021, "platform_says_busy", "retry")
        assert [each["statusCode"] for each in phone.sent] == [401, 503]
    assert stack.exchanges() == before + 2
    assert phone.gives(["order", "/mall/orders/1"])["statusCode"] == 200


def test_another_operation_is_not_offered(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "shen")
    steps = [["loginByCode", "$code"], ["bindEmail", "a@example.com", "1234"]]
    assert phone.refused(*steps) == (4004, "not_offered", "none")


# Which app


def test_the_app_is_the_one_that_is_named(stack: Stack, published: Path) -> None:
    unnamed = Phone(stack, published, "han", appId="60f0c3b1authingsown")
    assert unnamed.refused(["loginByCode", "$code"]) == (4000, "call_malformed", "none")
    for options in ({"appId": "shop"}, {"userPoolId": "shop"}, {"appId": "60f0", "userPoolId": APPID}):
        assert Phone(stack, published, "han", **options).gives(["loginByCode", "$code"])["id"]
    two = Phone(stack, published, "han", appId="shop", userPoolId="other")
    assert two.refused(["loginByCode", "$code"]) == (4000, "call_malformed", "none")
    elsewhere = Phone(stack, published, "han", appId="other")
    assert elsewhere.refused(["loginByCode", "$code"]) == (4022, "code_invalid", "login")


def test_where_there_is_one_app_the_ids_of_authing_may_stay(alone: Stack, published: Path) -> None:
    phone = Phone(alone, published, "yang", appId="60f0c3b1authingsown", userPoolId="59f86b48authingsown")
    user = phone.gives(["loginByCode", "$code"])
    assert phone.gives("getCurrentUser")["id"] == user["id"]
    # The token is the app's login state, of whatever kind: it passes where that plugin reads it.
    assert alone.gateway("/mall/x", ("user_session", phone.token)).identity["x-menshen-user"] == user["id"]


def test_another_apps_token_is_none(stack: Stack, published: Path) -> None:
    reply = posted(stack, f"{SOCIAL}/auth", {"code": stack.code("zhu", OTHER_APPID)}, ("x-authing-app-id", OTHER_APPID))
    token = reply.json["data"]["token"]
    refused = stack.gateway("/mall/x", ("authorization", f"Bearer {token}"))
    assert (refused.status, refused.json["code"], refused.json["data"]["reason"]) == (401, 2207, "session_invalid")
    phone = Phone(stack, published, "zhu", appId="shop")
    phone.storage["_authing_token"] = token
    assert phone.gives("checkLoginStatus")["code"] == 2207
    phone.options = {"appId": "other"}
    assert phone.gives("checkLoginStatus")["code"] == 200


# What nobody may do


@pytest.mark.parametrize("header", [(), (("authorization", "Bearer a-token-of-nobody"),)], ids=["none", "garbage"])
def test_everything_of_a_users_needs_his_token(stack: Stack, header: tuple[tuple[str, str], ...]) -> None:
    code = 2207 if header else 2020
    image = ("content-type", "image/png")
    upload = stack.gateway("/v1/authing/api/v2/upload", image, *header, method="POST", body=png(8, 8))
    assert (upload.status, upload.json["code"]) == (401, code)
    for query in ("query user { user { id } }", "mutation updateUser($i: I) { updateUser(input: $i) { id } }"):
        reply = posted(stack, "graphql/v2", {"query": query, "variables": {"i": {"nickname": "x"}}}, *header)
        assert (reply.status, reply.json["errors"][0]["message"]["code"]) == (401, code)


def test_an_appsecret_is_refused_before_anything_is_spent(stack: Stack) -> None:
    code, before = stack.code("qin"), stack.exchanges()
    app = ("x-authing-app-id", "shop")
    for body, headers in (
        ({"code": code, "secret": "x"}, ()),
        ({"code": code, "rawData": SECRET}, ()),
        ({"code": code}, (("appsecret", "x"),)),
    ):
        reply = posted(stack, f"{SOCIAL}/auth", body, app, *headers)
        assert (reply.status, reply.json["data"]["reason"]) == (400, "client_sent_secret")
        assert reply.headers["x-menshen-code"] == "4000"
    assert stack.exchanges() == before
    assert posted(stack, f"{SOCIAL}/auth", {"code": code}, app).status == 200


def test_forged_headers_give_nobody_anything(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "xu")
    user = phone.gives(["loginByCode", "$code"])
    forged = (
        ("x-authing-app-id", "shop"),
        ("x-authing-user-id", "u-of-another"),
        ("x-authing-userpool-id", OTHER_APPID),
        ("x-menshen-user", "u-of-another"),
    )
    body = {"query": "query user { user { id } }"}
    two = posted(stack, "graphql/v2", body, ("authorization", f"Bearer {phone.token}"), *forged)
    assert two.json["errors"][0]["message"]["data"]["reason"] == "call_malformed"
    one = posted(stack, "graphql/v2", body, ("authorization", f"Bearer {phone.token}"), forged[0], forged[1], forged[3])
    assert one.json == {"data": {"user": {"id": user["id"]}}}


def test_two_tokens_are_refused(stack: Stack, published: Path) -> None:
    one, other = Phone(stack, published, "you"), Phone(stack, published, "kong")
    for phone in (one, other):
        phone.gives(["loginByCode", "$code"])
    header = ("authorization", f"Bearer {one.token}")
    check = {"query": "query checkLoginStatus($token: String) { checkLoginStatus(token: $token) { code } }"}
    for body, headers in (
        ({**check, "variables": {"token": other.token}}, (header,)),
        (check, (header, ("user_session", other.token))),
        (check, (header, ("authorization", f"Bearer {other.token}"))),
    ):
        reply = posted(stack, "graphql/v2", body, *headers)
        assert (reply.status, reply.json["errors"][0]["message"]["data"]["reason"]) == (400, "ambiguous_credential")
    same = posted(stack, "graphql/v2", {**check, "variables": {"token": one.token}}, header)
    assert same.json == {"data": {"checkLoginStatus": {"code": 200}}}


def test_a_cookie_logs_nobody_out(alone: Stack, published: Path) -> None:
    """A link on another site's page is a GET with the user's cookies."""
    phone = Phone(alone, published, "cao")
    phone.gives(["loginByCode", "$code"])
    cookie = ("cookie", f"user_session={phone.token}")
    assert alone.gateway("/web/x", cookie).status == 200, "the cookie is a login state"
    assert alone.gateway("/v1/authing/api/v2/logout?app_id=shop", cookie).status == 200
    time.sleep(1.0)  # an end is known everywhere within a second
    assert alone.gateway("/web/x", cookie).status == 200
    assert phone.gives("checkLoginStatus")["status"] is True


def test_no_token_and_no_number_reaches_the_log(tmp_path: Path, published: Path) -> None:
    with ExitStack() as running:
        stack = running.enter_context(running_stack(tmp_path, ALONE))
        phone = Phone(stack, published, "yan", "13800000010")
        phone.gives(["press", "getPhone"], ["press", "loginByPhone"], "checkLoginStatus", "getCurrentUser", ["open"])
        token = phone.token
    said = b"".join(path.read_bytes() for path in tmp_path.glob("serve.log"))
    assert b"13800000010" not in said
    assert token.encode() not in said
    assert SECRET.encode() not in said
