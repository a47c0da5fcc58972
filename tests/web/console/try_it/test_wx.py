"""The phone's ``wx``: callbacks, promises and texts as WeChat's documentation has them, in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from tests.edge.processes import REPOSITORY

STATIC = REPOSITORY / "src" / "menshen" / "web" / "console" / "static"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

PRELUDE = """
const { makeWx } = require(process.argv[1]);
const sent = [], log = [];
let answer = async () => ({ statusCode: 200, header: { 'x-a': 'b', 'set-cookie': ['c=d'] }, text: '{"ok":true}' });
const { wx, storage, toasts, idle } = makeWx({
  login: async () => ({ code: 'a-code', secret: 'not told' }),
  exchange: async (asked) => { sent.push(asked); return answer(asked); },
  checkSession: async () => { throw new Error('session time out'); },
});
const note = (name) => (result) => log.push([name, result]);
const all = { success: note('success'), fail: note('fail'), complete: note('complete') };
(async () => {
  %s
  await idle();
  console.log(JSON.stringify({ sent, log, toasts, storage: Object.fromEntries(storage) }));
})();
"""


def run(script: str) -> dict[str, Any]:
    done = subprocess.run(
        ["node", "-e", PRELUDE % script, str(STATIC / "wx.js")], capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_success_then_complete_and_a_text_that_names_the_api() -> None:
    told = {"code": "a-code", "errMsg": "login:ok"}
    assert run("wx.login(all);")["log"] == [["success", told], ["complete", told]]


def test_fail_then_complete() -> None:
    told = {"errMsg": "checkSession:fail session time out"}
    assert run("wx.checkSession(all);")["log"] == [["fail", told], ["complete", told]]


def test_without_callbacks_there_is_a_promise() -> None:
    found = run("note('login')(await wx.login()); await wx.checkSession().catch(note('failed'));")
    assert found["log"] == [
        ["login", {"code": "a-code", "errMsg": "login:ok"}],
        ["failed", {"errMsg": "checkSession:fail session time out"}],
    ]


def test_a_file_is_uploaded_as_a_form_with_its_fields() -> None:
    phone = """makeWx({
      readFile: async (path) => ({ name: path, type: 'image/png', bytes: new TextEncoder().encode('PNG') }),
      exchange: async ({ body, ...more }) => {
        sent.push({ ...more, body: new TextDecoder().decode(body) });
        return answer();
      },
    }).wx"""
    options = "url: 'http://h/a', filePath: 'a.png', name: 'file', formData: { who: 'me' }, header: { 'X-A': 'b' }"
    found = run(f"await new Promise((complete) => {phone}.uploadFile({{ {options}, success: note('up'), complete }}));")
    (sent,) = found["sent"]
    boundary = sent["header"]["content-type"].removeprefix("multipart/form-data; boundary=")
    assert (sent["url"], sent["method"], sent["header"]["X-A"]) == ("http://h/a", "POST", "b")
    assert sent["body"].split(f"--{boundary}")[1:] == [
        '\r\nContent-Disposition: form-data; name="who"\r\n\r\nme\r\n',
        '\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\nPNG\r\n',
        "--\r\n",
    ]
    assert found["log"] == [["up", {"data": '{"ok":true}', "statusCode": 200, "errMsg": "uploadFile:ok"}]]


def test_a_phone_that_was_given_no_profile_tells_none() -> None:
    found = run("wx.getSetting(all); await idle(); await wx.getUserInfo().catch(note('failed'));")
    assert found["log"][0] == ["success", {"authSetting": {}, "errMsg": "getSetting:ok"}]
    assert found["log"][-1] == ["failed", {"errMsg": "getUserInfo:fail scope unauthorized"}]


def test_a_user_who_has_agreed_is_told_of() -> None:
    agreed = "makeWx({ userInfo: async () => ({ rawData: '{}', iv: 'an-iv' }) }).wx"
    found = run(f"note('may')(await {agreed}.getSetting()); note('is')(await {agreed}.getUserInfo());")
    assert found["log"] == [
        ["may", {"authSetting": {"scope.userInfo": True}, "errMsg": "getSetting:ok"}],
        ["is", {"rawData": "{}", "iv": "an-iv", "errMsg": "getUserInfo:ok"}],
    ]


def test_request_gives_data_status_headers_and_cookies() -> None:
    found = run(
        "wx.request({ url: 'http://a/b?x=1', data: { y: '2 3' }, header: { Referer: 'z', js_code: 7 }, ...all });"
    )
    (asked,) = found["sent"]
    assert asked["url"] == "http://a/b?x=1&y=2+3"
    assert asked["method"] == "GET"
    assert asked["header"] == {"js_code": "7", "content-type": "application/json"}
    assert found["log"][0] == [
        "success",
        {
            "data": {"ok": True},
            "statusCode": 200,
            "header": {"x-a": "b", "set-cookie": ["c=d"]},
            "cookies": ["c=d"],
            "errMsg": "request:ok",
        },
    ]


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ("data: { a: 1 }", '{"a":1}'),
        ("data: 'plain'", "plain"),
        ("data: { a: 'b c' }, header: { 'Content-Type': 'application/x-www-form-urlencoded' }", "a=b+c"),
    ],
)
def test_data_is_encoded_as_documented(options: str, body: str) -> None:
    (asked,) = run(f"wx.request({{ url: 'http://a/', method: 'post', {options}, ...all }});")["sent"]
    assert (asked["method"], asked["body"]) == ("POST", body)


def test_a_refusal_is_a_success_and_no_answer_is_a_failure() -> None:
    found = run(
        "answer = async () => ({ statusCode: 401, header: {}, text: 'no' }); wx.request({ url: 'http://a/', ...all });"
    )
    assert found["log"][0][0] == "success"
    assert found["log"][0][1]["data"] == "no"
    found = run("answer = async () => { throw new Error('timeout'); }; wx.request({ url: 'http://a/', ...all });")
    assert found["log"][0] == ["fail", {"errMsg": "request:fail timeout"}]
    found = run("wx.request({ url: 'no address', data: { a: 1 }, ...all });")
    assert found["log"][0][0] == "fail"


def test_a_request_can_be_aborted() -> None:
    found = run("answer = () => new Promise(() => {}); wx.request({ url: 'http://a/', ...all }).abort();")
    assert found["log"][0] == ["fail", {"errMsg": "request:fail abort"}]


def test_storage() -> None:
    found = run(
        """
        note('none')(wx.getStorageSync('a'));
        wx.setStorageSync('a', { b: 1 }); note('kept')(wx.getStorageSync('a'));
        wx.removeStorageSync('a'); note('gone')(wx.getStorageSync('a'));
        wx.setStorage({ key: 'c', data: 2, success: note('set') });
        wx.getStorage({ key: 'c', success: note('got') });
        wx.getStorage({ key: 'd', fail: note('not found') });
        """
    )
    assert found["log"] == [
        ["none", ""],
        ["kept", {"b": 1}],
        ["gone", ""],
        ["set", {"errMsg": "setStorage:ok"}],
        ["got", {"data": 2, "errMsg": "getStorage:ok"}],
        ["not found", {"errMsg": "getStorage:fail data not found"}],
    ]
    assert found["storage"] == {"c": 2}
    assert run("wx.setStorageSync('a', 1); wx.clearStorageSync();")["storage"] == {}


def test_toasts_are_kept() -> None:
    assert run("wx.showToast({ title: '登录成功', success: note('shown') });")["toasts"] == [{"title": "登录成功"}]
