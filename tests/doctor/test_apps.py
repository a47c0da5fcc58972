"""Apps against the real emulator: what is wrong with each, what to do, and that nothing is used up."""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from menshen.doctor.apps import CHECK
from menshen.doctor.finding import Finding
from menshen.errors import PlatformRefusedUs
from menshen.platforms.baidu import ERRORS as BAIDU_ERRORS
from menshen.platforms.dingtalk import CALL_ERRORS as DINGTALK_CALL_ERRORS
from menshen.platforms.dingtalk import TOKEN_ERRORS as DINGTALK_TOKEN_ERRORS
from menshen.platforms.douyin import ERRORS as DOUYIN_ERRORS
from menshen.platforms.douyin_phone import CALL_ERRORS as DOUYIN_CALL_ERRORS
from menshen.platforms.douyin_phone import TOKEN_ERRORS as DOUYIN_TOKEN_ERRORS
from menshen.platforms.feishu import CALL_ERRORS as FEISHU_CALL_ERRORS
from menshen.platforms.feishu import TOKEN_ERRORS as FEISHU_TOKEN_ERRORS
from menshen.platforms.kuaishou import ERRORS as KUAISHOU_ERRORS
from menshen.platforms.qq import ERRORS as QQ_ERRORS
from menshen.platforms.registry import PLATFORMS
from menshen.platforms.wechat import ERRORS as WECHAT_ERRORS
from menshen.platforms.wechat_phone import ERRORS as PHONE_ERRORS
from menshen.platforms.wechat_token import TOKEN_ERRORS
from menshen.platforms.wecom import CALL_ERRORS as WECOM_CALL_ERRORS
from menshen.platforms.wecom import TOKEN_ERRORS as WECOM_TOKEN_ERRORS
from tests.doctor.installed import install, listening, looked_at
from tests.edge.conftest import APPID, QQ_APPID, QQ_SECRET, SECRET
from tests.edge.processes import Client
from tests.envoy.certificates import self_signed
from tests.platforms.api_security import SYMMETRIC_KEY, certificate_text
from tests.platforms.app_keys import private_text, public_text
from tests.ports import free_port
from tests.serving import served


def document(base_url: str, *, platform: str = "wechat", appid: str = APPID, secret: str = SECRET) -> str:
    fields = f'name: shop, platform: {platform}, appid: "{appid}", secret: "{secret}", base_url: "{base_url}"'
    return f"version: 1\napps: [{{{fields}}}]\n"


def found(directory: Path, text: str, env: dict[str, str] | None = None) -> Finding:
    (finding,) = looked_at(CHECK, install(directory, text, env), "shop")
    return finding


@pytest.mark.parametrize(("platform", "appid", "secret"), [("wechat", APPID, SECRET), ("qq", QQ_APPID, QQ_SECRET)])
def test_right_credentials(directory: Path, emulator: Client, platform: str, appid: str, secret: str) -> None:
    text = document(f"{emulator.origin}/{platform}", platform=platform, appid=appid, secret=secret)
    finding = found(directory, text)
    assert (finding.status, finding.found.en) == ("ok", f"{platform} takes {appid} and its AppSecret")


def test_nothing_is_used_up(directory: Path, emulator: Client) -> None:
    """The access token that the team's services hold is good afterwards, and the next one who asks gets the same."""
    asked = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}
    held = emulator.post_json("/wechat/cgi-bin/stable_token", asked).json["access_token"]
    code = emulator.post_json("/emulator/wechat/login", {"appid": APPID, "user": "lin"}).json["code"]
    assert found(directory, document(f"{emulator.origin}/wechat")).status == "ok"
    assert emulator.post_json("/wechat/cgi-bin/stable_token", asked).json["access_token"] == held
    query = f"appid={APPID}&secret={SECRET}&js_code={code}&grant_type=authorization_code"
    assert "openid" in emulator(f"/wechat/sns/jscode2session?{query}").json


def test_of_qq_no_token_is_asked_for(directory: Path, emulator: Client) -> None:
    """There each call makes another one, and the team's own would end."""
    before = emulator("/emulator/qq/calls").json["apis"]
    found(directory, document(f"{emulator.origin}/qq", platform="qq", appid=QQ_APPID, secret=QQ_SECRET))
    assert emulator("/emulator/qq/calls").json["apis"] == before


def test_a_wrong_secret_of_the_environment(directory: Path, emulator: Client) -> None:
    text = document(f"{emulator.origin}/wechat", secret="${SHOP_APPSECRET}")
    finding = found(directory, text, {"SHOP_APPSECRET": "another-secret-than-the-right-one"})
    assert (finding.status, finding.trouble) == ("failed", "appsecret_wrong")
    assert finding.found.en == f"the AppSecret is not the one of {APPID} (40125)"
    assert finding.advice is not None
    page = "mp.weixin.qq.com > 开发管理 > 开发设置"
    assert finding.advice.en == f"Copy the AppSecret again from {page}, set SHOP_APPSECRET and restart serve."
    assert finding.advice.zh == f"从 {page} 重新复制 AppSecret，设置环境变量 SHOP_APPSECRET 并重启 serve。"


def test_a_wrong_secret_that_is_sealed(directory: Path, emulator: Client) -> None:
    finding = found(directory, document(f"{emulator.origin}/wechat", secret="another-secret-than-the-right-one"))
    assert finding.advice is not None
    assert "write it to the app shop in the configuration and apply that" in finding.advice.en
    assert "another-secret" not in repr(finding)


def test_a_wrong_appid(directory: Path, emulator: Client) -> None:
    finding = found(directory, document(f"{emulator.origin}/wechat", appid="wx00000000000000ff"))
    assert (finding.status, finding.trouble) == ("failed", "appid_wrong")


def test_qq_says_either_in_one_number(directory: Path, emulator: Client) -> None:
    finding = found(
        directory, document(f"{emulator.origin}/qq", platform="qq", appid=QQ_APPID, secret="wrong-secret-1")
    )
    assert (finding.status, finding.trouble) == ("failed", "credentials_wrong")
    assert finding.advice is not None
    assert "q.qq.com" in finding.advice.en


@pytest.mark.parametrize(
    ("fault", "status", "trouble"),
    [
        ({"fault": "-1"}, "warning", "platform_busy"),
        ({"fault": "502"}, "warning", "platform_busy"),
        ({"fault": "html"}, "failed", "platform_answers_nonsense"),
        ({"fault": "redirect"}, "failed", "platform_answers_nonsense"),
        ({"fault": "truncated"}, "failed", "platform_answers_nonsense"),
        ({"fault": "timeout"}, "failed", "platform_no_answer"),
        ({"fault": "45011", "api": "token"}, "warning", "platform_limit"),
        ({"fault": "45009", "api": "token"}, "warning", "platform_limit"),
        ({"fault": "48001", "api": "token"}, "failed", "app_not_permitted"),
        ({"fault": "40164", "api": "token"}, "warning", "address_not_listed"),
        ({"fault": "89503", "api": "token"}, "warning", "address_not_approved"),
        ({"fault": "-1", "api": "token"}, "warning", "platform_busy"),
    ],
)
def test_what_the_platform_says(
    directory: Path, emulator: Client, fault: dict[str, str], status: str, trouble: str
) -> None:
    assert emulator.post_json("/emulator/wechat/faults", fault).status == 200
    finding = found(directory, document(f"{emulator.origin}/wechat"))
    assert (finding.status, finding.trouble) == (status, trouble)


def test_nobody_listens(directory: Path) -> None:
    port = free_port()
    finding = found(directory, document(f"http://127.0.0.1:{port}"))
    assert (finding.status, finding.trouble) == ("failed", "platform_unreachable")
    assert finding.found.en == f"127.0.0.1:{port} refuses connections (Connection refused)"


def test_somebody_listens_and_never_answers(directory: Path) -> None:
    with listening() as port:
        assert found(directory, document(f"http://127.0.0.1:{port}")).trouble == "platform_no_answer"


def test_a_name_that_is_none(directory: Path) -> None:
    assert found(directory, document("https://platform.invalid")).trouble == "platform_name_unknown"


def test_a_certificate_of_somebody_else(directory: Path, tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with served(server):
        finding = found(directory, document(f"https://127.0.0.1:{server.server_port}"))
    assert (finding.status, finding.trouble) == ("failed", "platform_certificate_refused")


@pytest.mark.parametrize(("platform", "appid"), [("baidu", "4fecoAqgCIUtzIyA4FAPgoyrc4oUc25c"), ("kuaishou", "ks7001")])
def test_an_app_of_the_oauth_platforms(directory: Path, emulator: Client, platform: str, appid: str) -> None:
    app = {"appid": appid, "secret": "the-right-secret"}
    assert emulator.post_json(f"/emulator/{platform}/apps", app).status == 200
    before = emulator(f"/emulator/{platform}/calls").json["apis"]
    text = document(f"{emulator.origin}/{platform}", platform=platform, appid=appid, secret="the-right-secret")
    secret = PLATFORMS[platform].words.secret[0]
    assert found(directory, text).found.en == f"{platform} takes {appid} and its {secret}"
    assert emulator(f"/emulator/{platform}/calls").json["apis"] == before
    wrong = found(directory, text.replace("the-right-secret", "another-secret"))
    assert (wrong.status, wrong.trouble) == ("failed", "credentials_wrong")
    assert wrong.advice is not None
    assert PLATFORMS[platform].settings_page in wrong.advice.en


def test_where_a_login_takes_an_access_token_none_is_asked_for(directory: Path, emulator: Client) -> None:
    """Another one would end the one that the gateway holds, five minutes later."""
    app = {"appid": "xhs-1", "secret": "the-right-secret"}
    assert emulator.post_json("/emulator/xiaohongshu/apps", app).status == 200
    text = document(f"{emulator.origin}/xiaohongshu", platform="xiaohongshu", appid="xhs-1", secret="not-tried")
    finding = found(directory, text)
    assert finding.status == "ok"
    assert "is not tried" in finding.found.en
    assert emulator("/emulator/xiaohongshu/calls").json["apis"] == {}


@pytest.mark.parametrize(("platform", "secret"), [("feishu", "App Secret"), ("dingtalk", "AppSecret")])
def test_an_app_of_feishus_and_of_dingtalks(directory: Path, emulator: Client, platform: str, secret: str) -> None:
    app = {"appid": "app_1", "secret": "the-right-secret"}
    assert emulator.post_json(f"/emulator/{platform}/apps", app).status == 200
    text = document(f"{emulator.origin}/{platform}", platform=platform, appid="app_1", secret="the-right-secret")
    assert found(directory, text).found.en == f"{platform} takes app_1 and its {secret}"
    wrong = found(directory, text.replace("the-right-secret", "another-secret"))
    assert (wrong.status, wrong.trouble) == ("failed", "credentials_wrong")
    assert wrong.advice is not None
    assert PLATFORMS[platform].settings_page in wrong.advice.en


def alipay(emulator: Client, secret: str, **more: str) -> str:
    """An app of Alipay's in the emulator, and the document that fits it but for ``more``."""
    app = {"appid": "2021000000000001", "secret": private_text("app")}
    told = emulator.post_json("/emulator/alipay/apps", app)
    assert told.status == 200, told.raw
    keys = {"platform_key": told.json["platform_key"], **more}
    fields = f'name: shop, platform: alipay, appid: "{app["appid"]}", base_url: "{emulator.origin}/alipay"'
    return f'version: 1\napps: [{{{fields}, secret: "{secret}", platform_key: "{keys["platform_key"]}"}}]\n'


def test_an_app_of_alipays(directory: Path, emulator: Client) -> None:
    finding = found(directory, alipay(emulator, private_text("app")))
    assert (finding.status, finding.found.en) == ("ok", "alipay takes 2021000000000001 and its private key")


def test_a_private_key_that_is_not_the_apps(directory: Path, emulator: Client) -> None:
    finding = found(directory, alipay(emulator, private_text("another")))
    assert (finding.status, finding.trouble) == ("failed", "credentials_wrong")
    assert finding.advice is not None
    assert "Copy AppID and private key again from open.alipay.com" in finding.advice.en
    assert "重新复制 AppID 和 应用私钥" in finding.advice.zh
    assert "AppSecret" not in repr(finding)
    assert private_text("another")[:40] not in repr(finding)


def test_a_key_of_the_platforms_that_is_not_the_platforms(directory: Path, emulator: Client) -> None:
    """Most take the app's own public key for it. It shows before a user loses a code to it."""
    finding = found(directory, alipay(emulator, private_text("app"), platform_key=public_text("app")))
    assert (finding.status, finding.trouble) == ("failed", "platform_key_wrong")


def test_an_app_of_douyins(directory: Path, emulator: Client) -> None:
    app = {"appid": "tt0000000000000001", "secret": "the-right-secret"}
    assert emulator.post_json("/emulator/douyin/apps", app).status == 200
    text = document(f"{emulator.origin}/douyin", platform="douyin", appid=app["appid"], secret=app["secret"])
    assert found(directory, text).found.en == "douyin takes tt0000000000000001 and its AppSecret"
    assert found(directory, text.replace("the-right", "another")).trouble == "appsecret_wrong"
    assert found(directory, text.replace("0001", "0002")).trouble == "appid_wrong"


def wecom(emulator: Client, secret: str = "the-right-secret", corpid: str = "ww0123456789abcdef") -> str:
    """An app of WeCom's in the emulator, and a document that says so much of it."""
    app = {"appid": "wx0000000000000001", "secret": "the-right-secret", "platform_key": "ww0123456789abcdef"}
    assert emulator.post_json("/emulator/wecom/apps", app).status == 200
    text = document(f"{emulator.origin}/wecom", platform="wecom", appid=app["appid"], secret=secret)
    return text.replace("}]", f', platform_key: "{corpid}"}}]')


def test_an_app_of_wecoms(directory: Path, emulator: Client) -> None:
    """Asking for a token ends nobody's there, so the secret is tried although a login does not need it."""
    asked = "/wecom/cgi-bin/gettoken?corpid=ww0123456789abcdef&corpsecret=the-right-secret"
    text = wecom(emulator)
    held = emulator(asked).json["access_token"]
    assert found(directory, text).found.en == "wecom takes wx0000000000000001 and its Secret"
    assert emulator(asked).json["access_token"] == held
    assert found(directory, wecom(emulator, secret="another-secret")).trouble == "appsecret_wrong"
    wrong = found(directory, wecom(emulator, corpid="ww0123456789abcdee"))
    assert (wrong.status, wrong.trouble) == ("failed", "platform_key_unknown")


def test_without_a_token_nobody_logs_in_to_wecom(directory: Path, emulator: Client) -> None:
    text = wecom(emulator)
    fault = {"fault": "40164", "api": "token"}
    assert emulator.post_json("/emulator/wecom/faults", fault).status == 200
    finding = found(directory, text)
    assert (finding.status, finding.trouble) == ("failed", "address_shut_out")
    assert "60020" in finding.found.en
    assert "企业可信IP, IP 白名单, 服务器出口 IP" in finding.advice.en  # as WeCom, Feishu and DingTalk name them


def secured(directory: Path, emulator: Client, changed: int = 0, later: float = 0, **change: str) -> Finding:
    """What is found of an app with API security, whose document differs by ``change`` from what WeChat has.

    WeChat has ``changed`` its certificate so often since, and the doctor comes that many seconds ``later``.
    """
    keys = {"symmetric_key": SYMMETRIC_KEY, "symmetric_key_sn": "5f" * 16}
    app = {"appid": APPID, "secret": SECRET, "api_security": {**keys, "public_key": public_text("app")}}
    told = emulator.post_json("/emulator/wechat/apps", app)
    assert told.status == 200, told.raw
    for _ in range(changed):
        assert emulator.post_json("/emulator/wechat/certificate", {"appid": APPID}).status == 200
    certificate = {name: told.json[name] for name in ("platform_certificate", "platform_certificate_sn")}
    written = {**keys, "private_key": private_text("app"), **certificate, **change}
    shop = {"name": "shop", "platform": "wechat", "appid": APPID, "secret": SECRET, "api_security": written}
    text = json.dumps({"version": 1, "apps": [{**shop, "base_url": f"{emulator.origin}/wechat"}]})
    (finding,) = looked_at(CHECK, replace(install(directory, text), clock=lambda: time.time() + later), "shop")
    return finding


def test_keys_of_api_security_that_are_right(directory: Path, emulator: Client) -> None:
    assert secured(directory, emulator).status == "ok"


def test_a_certificate_that_the_platform_changes_is_told_while_it_still_signs(
    directory: Path, emulator: Client
) -> None:
    finding = secured(directory, emulator, changed=1)
    assert (finding.status, finding.trouble) == ("warning", "platform_certificate_changes")
    finding = secured(directory, emulator, changed=2)
    assert (finding.status, finding.trouble) == ("failed", "platform_certificate_wrong")


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ({"private_key": private_text("another")}, "api_security_keys_wrong"),
        ({"symmetric_key_sn": "another"}, "api_security_keys_wrong"),
        ({"platform_certificate_sn": "another"}, "platform_certificate_wrong"),
        ({"platform_certificate": certificate_text("another")}, "platform_certificate_wrong"),
    ],
)
def test_keys_of_api_security_that_are_wrong(
    directory: Path, emulator: Client, change: dict[str, str], trouble: str
) -> None:
    finding = secured(directory, emulator, **change)
    assert (finding.status, finding.trouble) == ("failed", trouble)
    assert private_text("another")[:40] not in repr(finding)


@pytest.mark.parametrize(("days", "status"), [(-1, "warning"), (29, "warning"), (31, "ok")])
def test_a_certificate_of_the_platforms_that_ends_soon(
    directory: Path, emulator: Client, days: int, status: str
) -> None:
    """It is taken after its end all the same. The emulator's begin when they are made, and hold for five years."""
    finding = secured(directory, emulator, later=(5 * 365 - days) * 86_400)
    assert finding.status == status
    assert finding.trouble == ("" if status == "ok" else "platform_certificate_ends")


def test_every_refusal_of_our_credentials_is_about_something() -> None:
    """An errcode that is added to an adapter's table without saying what it is about would be advised on wrongly."""
    for name, tables in (
        ("wechat", (WECHAT_ERRORS, TOKEN_ERRORS, PHONE_ERRORS)),
        ("qq", (QQ_ERRORS,)),
        ("douyin", (DOUYIN_ERRORS, DOUYIN_TOKEN_ERRORS, DOUYIN_CALL_ERRORS)),
        ("baidu", (BAIDU_ERRORS,)),
        ("kuaishou", (KUAISHOU_ERRORS,)),
        ("wecom", (WECOM_TOKEN_ERRORS, WECOM_CALL_ERRORS)),
        ("feishu", (FEISHU_TOKEN_ERRORS, FEISHU_CALL_ERRORS)),
        ("dingtalk", (DINGTALK_TOKEN_ERRORS, DINGTALK_CALL_ERRORS)),
    ):
        refused = {errcode for table in tables for errcode, kind in table.items() if kind is PlatformRefusedUs}
        assert set(PLATFORMS[name].refused_for) == refused


COMPONENT = "wx00000000000000c1"


def by_component(base_url: str) -> str:
    keys = (
        "secret: a-component-secret, token: a-message-token, message_key: abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
    )
    component = f'{{name: provider, appid: {COMPONENT}, {keys}, base_url: "{base_url}"}}'
    app = f"{{name: shop, platform: wechat, appid: {APPID}, component: provider}}"
    return f"version: 1\ncomponents: [{component}]\napps: [{app}]\n"


def test_an_app_of_a_component_is_reached_and_its_token_is_nobodys_to_try(directory: Path, emulator: Client) -> None:
    made = {"appid": COMPONENT, "secret": "s", "token": "t", "message_key": "A" * 43}
    assert emulator.post_json("/emulator/wechat/components", made).status == 200
    before = emulator("/emulator/wechat/calls").json["apis"]
    finding = found(directory, by_component(f"{emulator.origin}/wechat"))
    assert finding.status == "ok"
    assert f"whether {APPID} has authorised {COMPONENT} is not tried" in finding.found.en
    assert emulator("/emulator/wechat/calls").json["apis"] == before


def test_of_a_component_that_is_not_known_it_is_its_own_appid_that_is_wrong(tmp_path: Path, emulator: Client) -> None:
    text = by_component(f"{emulator.origin}/wechat").replace(COMPONENT, "wx00000000000000c9")
    finding = found(tmp_path / "data", text)
    assert (finding.status, finding.trouble) == ("failed", "appid_wrong")
    assert "wx00000000000000c9 (61011)" in finding.found.en
