'use strict';
// Which answers are the gateway's refusals.

const assert = require('node:assert/strict');
const test = require('node:test');
const { adapters, gateway, refusal } = require('./gateway.js');

const BODY = JSON.parse(refusal(401, 'session_expired', 'login').text);

async function answered(answer) {
  const it = gateway(() => answer);
  it.keep('state');
  const got = await it.menshen.request({ url: '/orders' }).catch((error) => error);
  return { got, logins: it.logins };
}

for (const [what, answer] of [
  ['our body without our header', { statusCode: 401, header: {}, text: JSON.stringify(BODY) }],
  ['our header without our body', { statusCode: 401, header: { 'x-menshen-code': '4024' }, text: 'nope' }],
  ['a body with another action', { ...refusal(401, 'x', 'dance') }],
  ['a body without a reason', { statusCode: 401, header: { 'x-menshen-code': '1' }, text: '{"code":1,"action":"login"}' }],
  ['no JSON', { statusCode: 401, header: {}, text: '<html>' }],
  ['null', { statusCode: 401, header: {}, text: 'null' }],
]) {
  test(`${what} is the caller's`, async () => {
    const { got, logins } = await answered(answer);
    assert.equal(got.statusCode, 401);
    assert.ok(!(got instanceof Error));
    assert.equal(logins, 0);
  });
}

for (const name of ['x-menshen-code', 'X-Menshen-Code', 'X-MENSHEN-CODE']) {
  test(`${name} is our header`, async () => {
    const { got } = await answered({ statusCode: 403, header: { [name]: '4003' }, text: JSON.stringify({ ...BODY, action: 'none' }) });
    assert.ok(got instanceof Error);
    assert.equal(got.name, 'MenshenError');
  });
}

test('with `status: tsf`, or any status at all, a refusal is one', async () => {
  const { got } = await answered(refusal(401, 'platform_says_busy', 'retry'));
  assert.deepEqual([got.reason, got.action], ['platform_says_busy', 'retry']);
});

test('a body that was asked for as text is read all the same', async () => {
  const it = gateway(() => refusal(404, 'no_such_route', 'none'));
  await assert.rejects(it.menshen.request({ url: '/orders', dataType: 'text' }), { reason: 'no_such_route' });
});

test('a refusal of a picture that was asked for as bytes is one, in its own words', async () => {
  const { text, ...rest } = refusal(401, 'session_expired', 'none');
  const bytes = new TextEncoder().encode(text.replace('session_expired.', '登录态已过期。'));
  const it = gateway(() => assert.fail());
  const adapter = { ...adapters.wx(it.wx), request: async () => ({ ...rest, data: bytes.buffer }) };
  const { menshen } = gateway(() => assert.fail(), { adapter });
  await assert.rejects(menshen.request({ url: '/a.png', responseType: 'arraybuffer' }), {
    reason: 'session_expired',
    message: '登录态已过期。',
  });
});

test('a large picture is not looked into', async () => {
  const it = gateway(() => assert.fail());
  const data = new ArrayBuffer(8 * 1024 * 1024);
  const adapter = { ...adapters.wx(it.wx), request: async () => ({ statusCode: 401, header: {}, data }) };
  const { menshen } = gateway(() => assert.fail(), { adapter });
  assert.equal((await menshen.request({ url: '/a.png' })).data, data);
});

test('an upload tells no header: status and body do', async () => {
  const upload = (statusCode, data) => async () => ({ statusCode, data });
  const it = gateway(() => assert.fail());
  const told = (statusCode, data) =>
    gateway(() => assert.fail(), { adapter: { ...adapters.wx(it.wx), upload: upload(statusCode, data) } })
      .menshen.upload({ url: '/f', filePath: 'a', name: 'file' });
  await assert.rejects(told(415, JSON.stringify({ ...BODY, action: 'none', reason: 'avatar_invalid' })), { reason: 'avatar_invalid' });
  assert.equal((await told(200, JSON.stringify({ ...BODY, action: 'none' }))).statusCode, 200);
  assert.equal((await told(500, '{"code":1}')).statusCode, 500);
});

test('Set-Cookie is read as a list, as one text, and under any case', async () => {
  const setting = [
    [{ 'set-cookie': ['a=1; Path=/', 'user_session=new; Path=/; Expires=Thu, 01 Jan 2026 00:00:00 GMT'] }, 'new'],
    [{ 'Set-Cookie': 'x=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT,user_session=new; HttpOnly' }, 'new'],
    [{ 'Set-Cookie': 'not_user_session=bad; Path=/, a=user_session=bad' }, 'old'],
  ];
  for (const [header, state] of setting) {
    const it = gateway(() => ({ statusCode: 200, header, text: '{}' }), { options: { session: { in: 'cookie' } } });
    it.keep('old');
    await it.menshen.request({ url: '/orders' });
    assert.equal(it.kept().state, state);
  }
});
