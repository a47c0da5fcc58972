from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from menshen.platforms.app_key_forms import (
    aes_key,
    no_aes_key,
    no_private_key,
    no_public_key,
    private_key,
    public_key,
)
from menshen.secret import Secret
from tests.platforms.app_keys import AES_KEY, key, private_text, public_text

PEM = key("app").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
OLD_PEM = key("app").private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
PUBLIC_PEM = key("app").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    "text",
    [
        private_text("app"),
        private_text("app", form=PrivateFormat.TraditionalOpenSSL),
        PEM,
        OLD_PEM,
        PEM.replace("\n", "\\n"),
        PEM.replace("\n", " "),
        PEM.replace("\n", "\r\n"),
        f"  {private_text('app')}\n",
    ],
    ids=["base64", "base64 of PKCS #1", "PEM", "PEM of PKCS #1", "escaped line ends", "one line", "CRLF", "spaces"],
)
def test_a_private_key_is_read_in_every_form_that_an_operator_has_it_in(text):
    assert private_key(Secret(text)).private_numbers() == key("app").private_numbers()
    assert no_private_key(Secret(text)) is None


@pytest.mark.parametrize(
    "text",
    [public_text("app"), public_text("app", form=PublicFormat.PKCS1), PUBLIC_PEM, PUBLIC_PEM.replace("\n", "")],
    ids=["base64", "base64 of PKCS #1", "PEM", "one line"],
)
def test_a_public_key_is_read_in_every_form_that_an_operator_has_it_in(text):
    assert public_key(text).public_numbers() == key("app").public_key().public_numbers()
    assert no_public_key(Secret(text)) is None


@pytest.mark.parametrize(
    "text",
    ["", "an-appsecret-0123456789", "AAAA", public_text("app"), private_text("small", 1024), private_text("app")[:-40]],
    ids=["nothing", "an AppSecret", "other base64", "a public key", "1024 bits", "cut off"],
)
def test_what_is_no_private_key_is_refused_without_a_word_of_it(text):
    with pytest.raises(ValueError, match=r"^no (RSA private key|base64)$") as raised:
        private_key(Secret(text))
    assert raised.value.__context__ is None or text[:10] not in str(raised.value.__context__) or not text
    assert no_private_key(Secret(text)) is not None


@pytest.mark.parametrize("text", ["", "AAAA", private_text("app"), public_text("small", 1024)])
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(ValueError, match=r"^no (RSA public key|base64)$"):
        public_key(text)
    assert no_public_key(Secret(text)) is not None


def test_a_key_that_was_mangled_is_found_when_it_is_configured():
    numbers = bytearray(key("app").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    numbers[len(numbers) // 2] ^= 1
    mangled = Secret(base64.b64encode(bytes(numbers)).decode())
    assert no_private_key(mangled) is not None


def test_an_aes_key_is_sixteen_bytes():
    assert aes_key(Secret(AES_KEY)) == bytes(range(16))
    assert no_aes_key(Secret(AES_KEY)) is None
    for text in ("", "AAEC", "not base64!", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"):
        assert no_aes_key(Secret(text)) is not None
