"""Attack class 53 through the whole gateway: a client chooses tags, and gets nothing by it but what they are for."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.edge.conftest import Stack, running_stack
from tests.edge.processes import Reply
from tests.edge.test_reload import menshen

KINDS = ["sealed", "signed", "reference"]
each_kind = pytest.mark.parametrize("kind", KINDS)
FORGED = "forged-by-client"
NAMES = ["user", "openid", "admin", "city"]
"""Tags of an operator who trusts his clients too much."""

_GROUP = """\
  - name: {0}
    prefix: /{0}
    upstream: orders
    apis:
      - {{name: login, path: /login}}
      - {{name: order, path: "/orders/{{id}}"}}
      - {{name: open, path: /open, access: public}}
"""
_LOGIN = """\
  - name: {0}-login
    type: WeChatMpLogin
    app: shop
    session: {{kind: {0}}}
    tags: {{identity: [platform], request: [{{in: path, name: "/orders/{{id}}", tag: order_no, trace_id: true}}]}}
"""
_BINDINGS = """\
  - {{plugin: {0}-login, group: {0}}}
  - {{plugin: lift, group: {0}}}
  - {{plugin: paint, group: {0}}}
"""
DOCUMENT = f"""\
version: 1
apps: [{{name: shop, platform: wechat, appid: <appid>, secret: "<secret>", base_url: "<emulator>/wechat"}}]
upstreams: [{{name: orders, endpoints: ["<backend>"]}}]
groups:
{"".join(_GROUP.format(kind) for kind in KINDS)}
  - {{name: bare, prefix: /bare, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
{"".join(_LOGIN.format(kind) for kind in KINDS)}
  - name: lift
    type: Tag
    tags:
      - {{in: query, name: user}}
      - {{in: header, name: Openid}}
      - {{in: cookie, name: admin}}
      - {{in: query, name: city}}
  - name: paint
    type: ReqTransformer
    filters: [{{in: query, name: city, values: [上海]}}]
    actions: [{{tag: lane, value: "blue %"}}]
bindings:
{"".join(_BINDINGS.format(kind) for kind in KINDS)}
"""


def as_template(text: str) -> str:
    """For ``str.format``: the braces of YAML stay."""
    for sign, instead in (("{", "{{"), ("}", "}}"), ("<", "{"), (">", "}")):
        text = text.replace(sign, instead)
    return text


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("tags"), as_template(DOCUMENT)) as running:
        yield running


def ask(stack: Stack, path: str, *headers: tuple[str, str]) -> Reply:
    return stack.gateway(path, ("Openid", "o-of-another"), ("Cookie", "admin=1; theme=dark"), *headers)


@each_kind
def test_class_53_tags_go_down_the_chain_marked_as_the_clients(stack: Stack, kind: str) -> None:
    state = stack.log_in(f"tags-{kind}", f"/{kind}/login")
    seen = ask(stack, f"/{kind}/orders/2024-7?city={quote('上海')}&user=u-1", ("user_session", state)).seen
    assert seen["x-menshen-tag-platform"] == "wechat"
    assert seen["x-menshen-tag-order-no"] == "2024-7"
    assert seen["x-menshen-tag-lane"] == "blue%20%25"
    assert set(seen["x-menshen-untrusted-tags"].split(",")) == {*NAMES, "order_no", "lane"}
    members = seen["baggage"].split(",")
    assert "menshen.platform=wechat" in members
    assert {f"menshen.city={quote('上海')};untrusted", "menshen.lane=blue%20%25;untrusted"} <= set(members)


@each_kind
def test_class_53_no_tag_lets_anybody_in_or_changes_who_he_is(stack: Stack, kind: str) -> None:
    target = f"/{kind}/orders/7?user=u-1&city=a"
    assert (ask(stack, target).status, ask(stack, target).json["reason"]) == (401, "session_missing")
    state = stack.log_in(f"who-{kind}", f"/{kind}/login")
    plain = stack.gateway(f"/{kind}/orders/7", ("user_session", state)).seen
    tagged = ask(stack, target, ("user_session", state)).seen
    for name in ("user", "openid", "platform", "appid", "session"):
        assert tagged[f"x-menshen-{name}"] == plain[f"x-menshen-{name}"]
    assert plain["x-menshen-user"] not in ("", "u-1")
    assert (tagged["x-menshen-tag-user"], tagged["x-menshen-tag-openid"]) == ("u-1", "o-of-another")


@each_kind
@pytest.mark.parametrize("path", ["/orders/7", "/open"])
def test_class_53_no_tag_is_a_clients_to_send(stack: Stack, kind: str, path: str) -> None:
    state = stack.log_in(f"sends-{kind}", f"/{kind}/login")
    names = ["X-Menshen-Tag-Platform", "x_menshen_tag_lane", "X.Menshen-Tag_City", "X-Menshen-Untrusted-Tags"]
    baggage = f"menshen.platform={FORGED},menshen%2Eplatform={FORGED},Menshen.lane={FORGED},own=1"
    headers = [(name, FORGED) for name in names]
    reply = stack.gateway(f"/{kind}{path}", ("user_session", state), *headers, ("Baggage", baggage))
    assert reply.status == 200
    assert FORGED not in reply.raw.decode()
    assert "own=1" in reply.seen["baggage"]
    assert reply.seen.get("x-menshen-tag-platform") == ("wechat" if path == "/orders/7" else None)


def test_class_53_an_api_without_tags_hands_nothing_on(stack: Stack) -> None:
    seen = ask(stack, "/bare/x?city=a", ("Baggage", "own=1"), ("x-menshen-client-baggage", "own=1")).seen
    assert not [name for name in seen if "baggage" in name or name.startswith("x-menshen-tag")]


@pytest.mark.parametrize("value", ["%00", "%FF", "%0d%0ax-menshen-user:%20u-1", "a" * 129, quote("上" * 43)])
def test_class_53_values_are_bounded(stack: Stack, value: str) -> None:
    seen = ask(stack, f"/sealed/open?city={value}&user=ok").seen
    assert "x-menshen-tag-city" not in seen
    assert seen["x-menshen-tag-user"] == "ok"
    assert seen["x-menshen-user"] == ""


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("{in: query, name: city}", "{in: query, name: city, trace_id: true}", "trace_id"),
        ("{in: query, name: city}", "{in: header, name: user_session, tag: state}", "tags[3].name"),
        ("{in: query, name: city}", "{in: query, name: platform}", "tags[3].name"),
        ("{tag: lane,", "{header: x-menshen-user,", "actions[0].header"),
    ],
)
def test_class_53_what_could_be_taken_for_more_is_refused_by_check(stack: Stack, old: str, new: str, path: str) -> None:
    changed = stack.config.with_name("changed.yaml")
    document = stack.config.read_text(encoding="utf-8")
    assert old in document
    changed.write_text(document.replace(old, new), encoding="utf-8")
    done = menshen(stack, "apply", str(changed))
    assert done.returncode != 0
    assert path in done.stdout + done.stderr
