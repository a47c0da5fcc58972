"""The team's services: they answer signed calls, as the gateway makes them, and nobody else."""

from __future__ import annotations

import json
import time

import pytest

from menshen.callouts.captcha import captcha_passes
from menshen.callouts.signing import signed
from menshen.callouts.sms import code_sent
from menshen.callouts.verifier import account_of
from menshen.config.snapshot import App
from menshen.config.user_rules import Callout
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from menshen.users.phone_number import parse_phone

APP = App("shop", "wechat", "wx1", Secret("s"))
SECRETS = ["whsec_c2VjcmV0IG9mIHRoZSB0ZWFt", "a secret of another form"]


def callout(http, service, secret):
    return Callout(f"{http.origin}/emulator/{service}", Secret(secret), 3.0)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_code_is_told_on_the_emulators_own_output_only(emulate, secret, capfd):
    async def main(http):
        await http.control("PUT", "secret", {"secret": secret})
        flow = code_sent(callout(http, "sms", secret), parse_phone("13580006666"), Secret("271828"), "login", 300,
                         "msg_1", time.time())  # fmt: skip
        async with PlatformClient(timeout=60) as client:
            assert await client.run(flow) is True
        message = {"phone": "+8613580006666", "code": "271828", "purpose": "login", "expires_in": 300}
        assert await http.control("GET", "sms") == (200, {"messages": [message]})
        assert await http.control("GET", "sms?phone=%2B8613580006666") == (200, {"messages": [message]})
        assert await http.control("GET", "sms?phone=%2B8613580006667") == (200, {"messages": []})

    emulate(main)
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "sms to +8613580006666 (login): 271828\n"


def test_accounts(emulate):
    async def main(http):
        account = {"username": "alice", "password": "correct horse", "account": "E10086"}
        assert await http.control("PUT", "accounts", account) == (200, {})
        async with PlatformClient(timeout=60) as client:

            async def verified(username, password):
                to = callout(http, "accounts", "s")
                return await client.run(account_of(to, username, Secret(password), APP, "msg_1", time.time()))

            assert await verified("alice", "correct horse") == "E10086"
            assert await verified("alice", "wrong") is None
            assert await verified("bob", "correct horse") is None

    emulate(main)


def test_a_captcha_passes_once(emulate):
    async def main(http):
        async with PlatformClient(timeout=60) as client:

            async def passes(text):
                to = callout(http, "captcha", "s")
                return await client.run(captcha_passes(to, text, "192.0.2.1", APP, "msg_1", time.time()))

            answers = [await passes(text) for text in ("solved-1", "solved-1", "solved-2", "guess", "")]
            assert answers == [True, False, True, False, False]

    emulate(main)


def test_events_are_kept(emulate):
    async def main(http):
        body = json.dumps({"type": "login"}).encode()
        request = signed(f"{http.origin}/emulator/webhooks", Secret("s"), body, "msg_7", time.time(), 3.0)
        status, _, _ = await http.ask("POST", "/emulator/webhooks", data=body, headers=request.headers)
        assert status == 204
        assert await http.control("GET", "webhooks") == (200, {"events": [{"id": "msg_7", "event": {"type": "login"}}]})

    emulate(main)


@pytest.mark.parametrize("service", ["sms", "accounts", "captcha", "webhooks"])
def test_a_call_that_is_not_signed_or_not_with_the_secret(emulate, service):
    async def main(http):
        path = f"/emulator/{service}"
        assert (await http.ask("POST", path, data=b"{}"))[0] == 401
        assert (await http.control("PUT", "secret", {"secret": "right"}))[0] == 200
        for secret, status in (("wrong", 401), ("right", 204 if service == "webhooks" else 400)):
            headers = signed(http.origin + path, Secret(secret), b"{}", "msg_1", time.time(), 3.0).headers
            assert (await http.ask("POST", path, data=b"{}", headers=headers))[0] == status

    emulate(main)
