"""What WeChat pushes to a third-party platform: its own vector, and everything that is none of its pushes."""

from __future__ import annotations

import os
import tracemalloc
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from menshen.config.snapshot import Component
from menshen.emulator.component import ComponentSettings, sealed_push
from menshen.errors import AmbiguousCredential, BodyMalformed, SignatureInvalid, SignatureMissing, SignatureStale
from menshen.platforms.wechat_push import WINDOW, Push, open_push
from menshen.platforms.wechat_xml import read_xml
from menshen.secret import Secret

APPID, NOW = "wx00000000000000c1", 1_700_000_000.0
TOKEN, KEY = "planted-message-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
COMPONENT = Component("provider", APPID, Secret("planted-component-secret"), Secret(TOKEN), Secret(KEY))

# Of the page "message_push" of the Open Platform, whole: the event "debug_demo".
VECTOR = Component("demo", "wx134c8103faa5a59e", Secret("none"), Secret("AAAAA"), Secret("A" * 43))
VECTOR_AT = 1715943329
VECTOR_QUERY = (
    b"signature=cc0c594499c1634947d5b502f158ee518947db27&timestamp=1715943329&nonce=1590219412"
    b"&openid=o9AgO5Kd5ggOC-bXrbNODIiE3bGY&encrypt_type=aes&msg_signature=6c12a4205838198b8fa631b3220723bb07f1015c"
)
VECTOR_BODY = b"""<xml>
    <ToUserName><![CDATA[gh_97417a04a28d]]></ToUserName>
    <Encrypt><![CDATA[D7yzvUNAL930rd28wf21s4hvXhz0L6Uit/p2Di6C5DHyYGpEgdBRnKjBec34JwoQXicwaZC7fOVihW80F4VtsdvE//1vr7oAbq\
jDv8KenVp+ajKYpJnyQ4zMRhIC+a31fCVOMC03FfzV/QuC94kBP55a+Za3sJgvAn+ZbsNqZI5DkyuzkhQN8OBqCzFhizGmy0xpM0MEA4agpvE+RuNO1rhH\
TtuJB5yltw1FiYzecSXJ+y/D2r81VkRn2eYjh2ltsoyfbDR7Is6ookXIFxTfyeNyeHxMeT4KN5WpCDmSbTcUYrbBUlkGLJ9n/rU8YOywma6G7aTb7KZKOq\
CxgfoUlYEZPk4FUL/TK7ShriFDMVCLyjQJ15Ob++agDWtcxhfUfe6HIoIpRW8mKNBQiY/Jd1svvuskA1wLef1RTtzKfMpagSCX/laZINmdnX4zrF6kIaR9\
P4xQrWXbsTFHTYe0Mg==]]></Encrypt>
</xml>
"""


def told(ticket: str = "ticket@@@abc", *, appid: str = APPID, made_at: int = int(NOW), kind: str = "") -> str:
    return (
        f"<xml><AppId><![CDATA[{appid}]]></AppId><CreateTime>{made_at}</CreateTime>"
        f"<InfoType><![CDATA[{kind or 'component_verify_ticket'}]]></InfoType>"
        f"<ComponentVerifyTicket><![CDATA[{ticket}]]></ComponentVerifyTicket></xml>"
    )


def pushed(
    message: str = "",
    *,
    owner: str = APPID,
    token: str = TOKEN,
    key: str = KEY,
    at: float = NOW,
    now: float = NOW,
    component: Component = COMPONENT,
    **changed: str,
) -> Push:
    push = sealed_push(ComponentSettings("", token, key), owner, message or told(), at, os.urandom)
    return open_push(component, urlencode({**push.query, **changed}).encode(), push.body.encode(), now)


def test_the_push_of_wechats_own_page_opens() -> None:
    assert open_push(VECTOR, VECTOR_QUERY, VECTOR_BODY, VECTOR_AT).ticket == Secret("")


def test_with_another_appid_it_does_not() -> None:
    with pytest.raises(BodyMalformed, match="of another AppID"):
        open_push(replace(VECTOR, appid=APPID), VECTOR_QUERY, VECTOR_BODY, VECTOR_AT)


def test_a_ticket() -> None:
    push = pushed()
    assert (push.kind, push.made_at, push.ticket.reveal()) == ("component_verify_ticket", int(NOW), "ticket@@@abc")


def test_whatever_else_wechat_tells_is_no_ticket() -> None:
    assert pushed(told(kind="unauthorized")).ticket == Secret("")


def test_a_ticket_is_in_no_repr() -> None:
    assert "ticket@@@" not in repr(pushed())


@pytest.mark.parametrize("name", ["msg_signature", "timestamp", "nonce"])
def test_a_parameter_that_is_missing(name: str) -> None:
    with pytest.raises(SignatureMissing):
        pushed(**{name: ""})


@pytest.mark.parametrize(
    "changed",
    [{"msg_signature": "0" * 40}, {"msg_signature": "签"}, {"timestamp": str(int(NOW) + 1)}, {"nonce": "2"}],
)
def test_what_is_signed_cannot_be_changed(changed: dict[str, str]) -> None:
    with pytest.raises(SignatureInvalid):
        pushed(**changed)


def test_another_token_signs_nothing() -> None:
    with pytest.raises(SignatureInvalid):
        pushed(token="another-token")


def test_the_signature_of_the_parameters_alone_is_not_enough() -> None:
    """``signature`` is over token, timestamp and nonce: whoever has seen one could close any body under it."""
    query = sealed_push(ComponentSettings("", TOKEN, KEY), APPID, told(), NOW, os.urandom).query
    with pytest.raises(SignatureInvalid):
        pushed(msg_signature=query["signature"])


@pytest.mark.parametrize("late", [WINDOW + 1, -WINDOW - 1])
def test_what_is_not_of_now(late: float) -> None:
    with pytest.raises(SignatureStale):
        pushed(now=NOW + late)


def test_a_signed_parameter_twice() -> None:
    push = sealed_push(ComponentSettings("", TOKEN, KEY), APPID, told(), NOW, os.urandom)
    query = f"{urlencode(push.query)}&nonce=2".encode()
    with pytest.raises(AmbiguousCredential):
        open_push(COMPONENT, query, push.body.encode(), NOW)


def test_another_encoding_aes_key_opens_nothing() -> None:
    with pytest.raises(BodyMalformed):
        pushed(key="Z" * 43)


def test_a_ticket_of_another_component() -> None:
    with pytest.raises(BodyMalformed, match="no ticket of this component"):
        pushed(told(appid="wx00000000000000c2"))


@pytest.mark.parametrize("ticket", ["", "with space", "控制", "x" * 1025])
def test_a_ticket_that_is_none(ticket: str) -> None:
    with pytest.raises(BodyMalformed):
        pushed(told(ticket))


def test_a_ticket_from_the_future_would_keep_all_later_ones_out() -> None:
    with pytest.raises(BodyMalformed, match="CreateTime"):
        pushed(told(made_at=int(NOW + WINDOW) + 1))


@pytest.mark.parametrize("body", [b"", b"{}", b"<xml></xml>", b"<xml><Encrypt></Encrypt></xml>", b"<other/>", b"\xff"])
def test_a_body_that_is_no_push(body: bytes) -> None:
    with pytest.raises(BodyMalformed):
        open_push(COMPONENT, b"msg_signature=0&timestamp=1700000000&nonce=1", body, NOW)


LAUGHS = (
    b'<!DOCTYPE xml [<!ENTITY a0 "haha">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]><xml><Encrypt>&a11;</Encrypt></xml>"
)


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS,
        b'<!DOCTYPE xml [<!ENTITY x SYSTEM "file:///etc/hostname">]><xml><Encrypt>&x;</Encrypt></xml>',
        b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:9/x.dtd"><xml><Encrypt>x</Encrypt></xml>',
        b'<?xml-stylesheet href="x"?><xml><Encrypt>x</Encrypt></xml>',
        LAUGHS.decode().encode("utf-16"),
    ],
)
def test_no_document_type_no_entity_no_instruction(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BodyMalformed):
            read_xml(body)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_an_element_twice_could_be_read_in_two_ways() -> None:
    with pytest.raises(BodyMalformed, match="twice"):
        read_xml(b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>")


def test_what_is_deeper_is_passed_over() -> None:
    assert read_xml(b"<xml><a>1<b>2</b></a><c><![CDATA[3]]></c></xml>") == {"a": "1", "c": "3"}
