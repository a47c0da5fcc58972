"""The steps of ``menshen demo``: real requests through the gateway, each with what must hold of its answer."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

__all__ = ["Exchanged", "Step", "console_step", "steps"]


@dataclass(frozen=True, slots=True)
class Exchanged:
    """One request and its answer. ``headers`` of the answer have lower-case names."""

    request_line: str
    sent: Mapping[str, str]
    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Step:
    """``held`` is False where the gateway did not do what it must; ``shows`` says what to look at."""

    title: str
    exchanged: Exchanged
    held: bool
    shows: Mapping[str, Any] = field(default_factory=dict)


async def steps(client: aiohttp.ClientSession, gateway: str, emulator: str, appid: str) -> AsyncIterator[Step]:
    """Walk from "nobody" to a verified identity and through the ways to cheat."""

    async def get(path: str, **headers: str) -> Exchanged:
        sent = {name.replace("__", "-"): value for name, value in headers.items()}
        async with client.get(gateway + path, headers=sent) as response:
            body = await response.json(content_type=None)
            received = {name.lower(): value for name, value in response.headers.items()}
            return Exchanged(f"GET {path}", sent, response.status, received, body)

    got = await get("/mall/orders/1")
    yield Step("A request without a login state is refused", got, _refused(got, 401, 4001), got.body)

    async with client.post(f"{emulator}/emulator/wechat/login", json={"appid": appid, "user": "zhangsan"}) as answer:
        code = (await answer.json(content_type=None))["code"]
    got = await get("/mall/login", js_code=code)
    state = got.headers.get("user_session", "")
    seen = _identity(got)
    held = got.status == 200 and bool(state) and bool(seen.get("x-menshen-openid"))
    yield Step("wx.login's code logs in; the login state comes back in a header", got, held, {"user_session": state})

    got = await get("/mall/orders/42", user_session=state)
    again = _identity(got)
    same_user = again.get("x-menshen-user") == seen.get("x-menshen-user") != ""
    held = got.status == 200 and same_user and bool(again.get("x-menshen-assertion"))
    yield Step("With it, a business request reaches the backend, which sees who calls", got, held, again)

    got = await get("/mall/orders/42", user_session=state, X__Menshen__Openid="forged", x_menshen_openid="forged")
    held = got.status == 200 and "forged" not in json.dumps(got.body) and _identity(got) == again
    yield Step("Forged identity headers, in either spelling, never arrive", got, held, _identity(got))

    middle = len(state) // 2
    tampered = state[:middle] + ("A" if state[middle : middle + 1] != "A" else "B") + state[middle + 1 :]
    got = await get("/mall/orders/42", user_session=tampered)
    yield Step("A login state with one letter changed is refused", got, _refused(got, 401, 4001), got.body)

    got = await get("/mall/login", js_code=code)
    yield Step("A code that was used is refused", got, _refused(got, 401, 4022), got.body)


async def console_step(client: aiohttp.ClientSession, console: str, link: str) -> Step:
    """Sign in with a link as a browser does, and open the page with the phone.

    ``console`` is the node's own address; ``link`` is one of ``SignInLinks``, and is used up.
    """
    page, _, token = link.partition("#")
    async with client.get(page) as shown:
        form = await shown.text()
        visit = shown.cookies["menshen_visit"].value if "menshen_visit" in shown.cookies else ""
    fields = dict(re.findall(r'name="(csrf|next)" value="([^"]*)"', form)) | {"token": token}
    sent = {"cookie": f"menshen_visit={visit}"}
    async with client.post(page, data=fields, headers=sent, allow_redirects=False) as signed:
        session = "; ".join(f"{name}={morsel.value}" for name, morsel in signed.cookies.items())
        path = signed.headers.get("location", "")
    async with client.get(console + path, headers={"cookie": session}) as tried:
        text = await tried.text()
        received = {name.lower(): value for name, value in tried.headers.items()}
        got = Exchanged(f"GET {path}", {}, tried.status, received, "")
    taps = re.findall(r'data-tap="(\w+)"', text)
    held = got.status == 200 and path == "/console/try" and "login" in taps
    return Step("The console has a phone to try it on; its sign-in link works once", got, held, {"buttons": taps})


def _refused(got: Exchanged, status: int, code: int) -> bool:
    return got.status == status and got.body.get("code") == code and got.headers.get("x-menshen-code") == str(code)


def _identity(got: Exchanged) -> dict[str, str]:
    """The identity headers that the backend says it received."""
    headers = got.body.get("headers", []) if isinstance(got.body, dict) else []
    return {name: value for name, value in headers if name.replace("_", "-").startswith("x-menshen-")}
