'use strict';
// Refresh tokens: each works once, and a second use ends the session.

const assert = require('node:assert/strict');
const test = require('node:test');
const { expired, gateway, ok, refusal } = require('./gateway.js');

const fresh = (sent) => (sent.state === 'fresh' || sent.state === 'state-1' ? ok({}) : expired());

test('it goes before a login, alone, and the next one is kept', async () => {
  const token = () => ok({ user_session: 'fresh', refresh_token: 'next', expires_in: 60, uid: 'u1' });
  const it = gateway(fresh, { token });
  it.keep('old', 'first');
  await Promise.all(Array.from({ length: 10 }, () => it.menshen.request({ url: '/orders' })));
  const asked = it.seen.filter(({ path }) => path === '/v1/token');
  assert.deepEqual(asked.map(({ body, state }) => [body, state]), [['{"refresh_token":"first"}', '']]);
  assert.deepEqual([it.logins, it.kept()], [0, { state: 'fresh', refresh: 'next' }]);
});

for (const [what, token] of [
  ['it is refused', () => refusal(401, 'refresh_reused', 'login')],
  ['nobody answers it', () => Promise.reject(new Error('timeout'))],
  ['something else answers it', () => ({ statusCode: 502, header: {}, text: '<html>' })],
]) {
  test(`where ${what}, one logs in, and it is never sent again`, async () => {
    const it = gateway(fresh, { token });
    it.keep('old', 'first');
    assert.equal((await it.menshen.request({ url: '/orders' })).statusCode, 200);
    assert.deepEqual([it.logins, it.kept()], [1, { state: 'state-1', refresh: '' }]);
  });
}

test('where the gateway cannot look, it is kept, and nobody logs in', async () => {
  const it = gateway(fresh, { token: () => refusal(503, 'brain_unavailable', 'retry') });
  it.keep('old', 'first');
  await assert.rejects(it.menshen.request({ url: '/orders' }), { reason: 'brain_unavailable' });
  assert.deepEqual([it.logins, it.kept()], [0, { state: 'old', refresh: 'first' }]);
});
