"""The example mini program, its pages run unmodified but for the addresses in config.js, against a running gateway."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.edge.conftest import SECRET, Stack
from tests.edge.processes import command
from tests.edge.sessions import Login, Mint, aged
from tests.examples.miniprogram.phone import Seen, open_phone, shop, taken_over

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

PLACE, EMPTY, LOADING = "下一单试试", "还没有订单", "正在加载…"
GOODS = "龙井茶 100 克"
UNREACHABLE, BUSY = "连不上服务器，请检查网络后重试", "微信繁忙，请稍后再试"
NUMBERS_BY_CODE = "/wxa/business/getuserphonenumber"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with shop(tmp_path_factory.mktemp("example")) as running:
        yield running


def state_of(seen: Seen) -> str:
    (kept,) = (value for key, value in seen.storage.items() if key.startswith("menshen:"))
    return str(kept["state"])


def numbers_asked(stack: Stack) -> int:
    return int(stack.emulator("/emulator/wechat/calls").json["apis"].get(NUMBERS_BY_CODE, 0))


def portrait(path: Path) -> bytes:
    """A red picture of two by two points."""
    rows = b"".join(b"\0" + b"\xff\0\0" * 2 for _ in range(2))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(picture)
    return picture


def test_the_launch_logs_in_once_and_asks_the_user_nothing(stack: Stack, tmp_path: Path) -> None:
    exchanges, numbers = stack.exchanges(), numbers_asked(stack)
    with open_phone(stack, tmp_path, "silent") as phone:
        seen = phone.launch()
        assert seen.page == "pages/orders/orders"
        assert seen.passed[0] == [LOADING]
        assert seen.texts == [EMPTY, PLACE]
        assert (seen.modals, seen.toasts) == ([], [])
        assert stack.exchanges() == exchanges + 1, "the launch and the page share one login"
        assert numbers_asked(stack) == numbers
        me = phone.tab("我的")
        assert me.passed_by("正在登录…")
        assert me.shows("微信用户", "已登录", "未绑定")


def test_orders_are_this_users_own(stack: Stack, tmp_path: Path) -> None:
    with open_phone(stack, tmp_path, "buyer") as buyer, open_phone(stack, tmp_path, "other") as other:
        assert buyer.launch().shows(EMPTY)
        ordered = buyer.press(PLACE)
        assert ordered.shows(GOODS, "¥88.00", "待发货")
        assert not ordered.shows(EMPTY)
        number = next(text for text in ordered.texts if text.startswith("订单 "))
        assert other.launch().texts == [EMPTY, PLACE]
        buyer.press(PLACE)
        both = buyer.pull()
        assert both.texts.count(GOODS) == 2
        assert both.texts.index(number) > both.texts.index(GOODS, 1), "the newest comes first"
        assert other.pull().texts == [EMPTY, PLACE]


def test_pulling_the_page_down_shows_what_is_new(stack: Stack, tmp_path: Path) -> None:
    with open_phone(stack, tmp_path, "puller") as phone:
        state = state_of(phone.launch())
        sent = stack.gateway.post_json("/mall/orders", {"goods": "明前茶"}, ("user_session", state))
        assert sent.status == 201, sent.raw
        assert not phone.seen.shows("明前茶")
        assert phone.pull().shows("明前茶")


def test_the_next_launch_needs_no_login(stack: Stack, tmp_path: Path) -> None:
    with open_phone(stack, tmp_path, "regular") as phone:
        phone.launch()
        kept = phone.press(PLACE).storage
    exchanges = stack.exchanges()
    with open_phone(stack, tmp_path, "regular", storage=kept) as phone:
        assert phone.launch().shows(GOODS)
    assert stack.exchanges() == exchanges


def test_an_expired_state_is_renewed_unseen(stack: Stack, tmp_path: Path) -> None:
    with open_phone(stack, tmp_path, "sleeper") as phone:
        phone.launch()
        kept = phone.press(PLACE)
    state = state_of(kept)
    claims = Mint(stack).claims(state)
    expired = aged(stack, Login("mall", state, "", claims.sub, claims.sid), 3 * 60 * 60)
    assert stack.gateway("/mall/orders", ("user_session", expired)).refusal == (401, 4024, "session_expired")
    exchanges = stack.exchanges()
    storage = taken_over(kept.storage, **{state: expired})
    with open_phone(stack, tmp_path, "sleeper", storage=storage) as phone:
        seen = phone.launch()
        assert seen.passed[0] == [LOADING]
        assert all(set(texts) <= {LOADING, PLACE, *kept.texts} for texts in seen.passed), seen.passed
        assert seen.texts == kept.texts
        assert state_of(seen) not in (state, expired)
        assert phone.tab("我的").shows("已登录")
    assert stack.exchanges() == exchanges + 1


@pytest.mark.parametrize(
    ("user", "old", "number"), [("caller", False, "13800000011"), ("old-caller", True, "13800000012")]
)
def test_the_phone_number_is_bound_both_ways(stack: Stack, tmp_path: Path, user: str, old: bool, number: str) -> None:
    asked = numbers_asked(stack)
    with open_phone(stack, tmp_path, user, phone=number) as phone:
        phone.launch()
        phone.tab("我的")
        before = phone.press("手机号")
        assert before.page == "pages/phone/phone"
        assert any("同意后" in text for text in before.texts), "the page says what it is for before it asks"
        masked = f"{number[:3]}****{number[-4:]}"
        bound = phone.press("绑定微信手机号", old=old)
        assert bound.shows("已绑定", masked)
        assert state_of(bound) != state_of(before), "what was bound is in a new state, which is kept"
        assert phone.back().shows("已登录", masked)
    assert numbers_asked(stack) == asked + (0 if old else 1)


def test_who_refuses_goes_on_without(stack: Stack, tmp_path: Path) -> None:
    asked = numbers_asked(stack)
    with open_phone(stack, tmp_path, "private", phone="13800000013") as phone:
        phone.launch()
        phone.tab("我的")
        phone.press("手机号")
        assert phone.press("绑定微信手机号", deny=True).shows("你没有授权，可以随时再来绑定", "绑定微信手机号")
        assert phone.press("查看隐私保护指引").opened == ["privacy"]
        phone.back()
        assert phone.seen.shows("已登录", "未绑定")
        assert phone.tab("订单").shows(EMPTY)
    assert numbers_asked(stack) == asked


def test_a_number_of_somebody_else_is_said_to_be_that(stack: Stack, tmp_path: Path) -> None:
    for user, shown in (("first-owner", "已绑定"), ("second-owner", "这个手机号已绑定了另一个账号")):
        with open_phone(stack, tmp_path, user, phone="13800000014") as phone:
            phone.launch()
            phone.tab("我的")
            phone.press("手机号")
            assert phone.press("绑定微信手机号").shows(shown)


def test_nickname_and_avatar_are_kept_and_shown_again(stack: Stack, tmp_path: Path) -> None:
    picture = portrait(tmp_path / "chosen.png")
    with open_phone(stack, tmp_path, "painter") as phone:
        phone.launch()
        phone.tab("我的")
        assert phone.press("头像和昵称").page == "pages/profile/profile"
        assert phone.press("更换头像", deny=True).images == []
        chosen = phone.press("更换头像", avatar=str(tmp_path / "chosen.png"))
        assert chosen.images == [str(tmp_path / "chosen.png")], "the choice is seen before it is saved"
        phone.type("nickname", "画画的人")
        saved = phone.press("保存")
        assert saved.page == "pages/me/me"
        assert saved.toasts == [{"title": "已保存"}]
        assert saved.shows("画画的人", "修改")
        (address,) = saved.images
    # Another phone of the same user: it is the gateway that keeps them.
    with open_phone(stack, tmp_path, "painter") as phone:
        phone.launch()
        me = phone.tab("我的")
        assert me.shows("画画的人")
        assert me.images == [address]
        edit = phone.press("头像和昵称")
        assert edit.shows("画画的人")
        assert edit.images == [address]
        phone.type("nickname", "还在画")
        assert phone.press("保存").images == [address], "a new nickname leaves the avatar"
    served = stack.gateway(urlsplit(address).path)
    assert (served.status, served.headers["content-type"]) == (200, "image/png")
    assert served.raw[:8] == picture[:8]


def test_a_nickname_that_is_empty_is_not_sent(stack: Stack, tmp_path: Path) -> None:
    with open_phone(stack, tmp_path, "nameless") as phone:
        phone.launch()
        phone.tab("我的")
        phone.press("头像和昵称")
        phone.type("nickname", "  ")
        seen = phone.press("保存")
        assert (seen.page, seen.shows("请输入昵称")) == ("pages/profile/profile", True)
        assert phone.back().shows("微信用户", "去填写")


def test_a_file_that_is_no_image_is_refused_with_a_reason(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "chosen.png").write_text("no picture at all")
    with open_phone(stack, tmp_path, "forger") as phone:
        phone.launch()
        phone.tab("我的")
        phone.press("头像和昵称")
        phone.press("更换头像", avatar=str(tmp_path / "chosen.png"))
        phone.type("nickname", "某人")
        seen = phone.press("保存")
        assert seen.page == "pages/profile/profile"
        assert seen.shows("请选择 PNG、JPEG、GIF 或 WebP 图片", "保存")


def test_logging_out_ends_the_session_and_stays_so(stack: Stack, tmp_path: Path) -> None:
    with open_phone(stack, tmp_path, "leaver") as phone:
        phone.launch()
        phone.press(PLACE)
        state = state_of(phone.tab("我的"))
        out = phone.press("退出登录")
        assert [modal["title"] for modal in out.modals] == ["退出登录"]
        assert out.texts == ["已退出登录", "微信登录"]
        assert out.storage["left"] is True
        assert state not in json.dumps(out.storage), "nothing of the login stays on the phone"
        assert phone.tab("订单").texts == ["登录后可以查看你的订单", "微信登录"]
        assert phone.pull().texts == ["登录后可以查看你的订单", "微信登录"]
    assert stack.gateway("/mall/orders", ("user_session", state)).status == 401
    exchanges = stack.exchanges()
    with open_phone(stack, tmp_path, "leaver", storage=out.storage) as phone:
        assert phone.launch().texts == ["登录后可以查看你的订单", "微信登录"]
        assert phone.tab("我的").texts == ["已退出登录", "微信登录"]
        assert phone.launch("pages/profile/profile").shows("请先登录")
        phone.launch("pages/me/me")
        assert stack.exchanges() == exchanges, "nobody is logged in again behind his back"
        assert phone.press("微信登录").shows("已登录")
        assert phone.tab("订单").shows(GOODS)
    assert stack.exchanges() == exchanges + 1


def test_while_the_platform_is_busy_the_page_says_so_and_can_be_tried_again(stack: Stack, tmp_path: Path) -> None:
    exchanges = stack.exchanges()
    with open_phone(stack, tmp_path, "hasty") as phone:
        with stack.faulty(fault="-1", times=1000):
            assert phone.launch().texts == [BUSY, "重试"]
            me = phone.tab("我的")
            assert me.shows("未登录", BUSY, "重试")
            assert stack.exchanges() == exchanges + 2, "once for the launch, once for the tab, and no loop"
        assert phone.press("重试").shows("已登录")
        assert phone.tab("订单").texts == [EMPTY, PLACE]


def test_a_gateway_that_is_down_can_be_tried_again(tmp_path: Path) -> None:
    with shop(tmp_path) as stack:
        listen = stack.gateway.origin.removeprefix("http://")
        with open_phone(stack, tmp_path, "patient") as phone:
            phone.launch()
            kept = phone.press(PLACE).storage
        stack.serve.process.terminate()
        stack.serve.process.wait(60)
        with open_phone(stack, tmp_path, "patient", storage=kept) as phone:
            assert phone.launch().texts == [UNREACHABLE, "重试"]
            assert phone.press("重试").texts == [UNREACHABLE, "重试"]
            assert phone.tab("我的").shows("未登录", UNREACHABLE, "重试")
            arguments = ["serve", "--config", str(stack.config), "--data-dir", str(stack.data_dir)]
            addresses = ["--listen", listen, "--admin", "127.0.0.1:0"]
            with command(["-m", "menshen", *arguments, *addresses], tmp_path / "serve.log", {"SHOP_APPSECRET": SECRET}):
                assert phone.press("重试").shows("已登录")
                assert phone.tab("订单").shows(GOODS)


def test_without_an_appid_the_codes_come_from_the_emulator(stack: Stack, tmp_path: Path) -> None:
    """config.js as it is in the repository, but for its addresses."""
    with open_phone(stack, tmp_path, "developer", emulated=True) as phone:
        phone.launch()
        assert phone.press(PLACE).shows(GOODS)
        phone.tab("我的")
        phone.press("手机号")
        assert phone.press("用模拟器的手机号").shows("已绑定")
    with open_phone(stack, tmp_path, "developer") as phone:
        assert phone.launch().shows(GOODS), "the emulator's user of that name"


def test_a_released_version_never_asks_the_emulator(stack: Stack, tmp_path: Path) -> None:
    with open_phone(stack, tmp_path, "released", envVersion="release") as phone:
        phone.launch()
        phone.tab("我的")
        seen = phone.press("手机号")
        assert seen.shows("绑定微信手机号")
        assert not seen.shows("用模拟器的手机号")
