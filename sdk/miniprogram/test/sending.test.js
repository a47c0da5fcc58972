'use strict';
// When a request is sent again, when somebody logs in for it, and when neither.

const assert = require('node:assert/strict');
const test = require('node:test');
const { Menshen, adapters, expired, gateway, ok, refusal } = require('./gateway.js');

const only = (state) => (sent) => (sent.state === state ? ok({ state }) : expired());

/** A promise and what fulfils it. */
function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { open, opened };
}

test('a state that another login has replaced meanwhile is repeated with the new one, without a login', async () => {
  const held = gate();
  const it = gateway(async (sent) => {
    if (sent.path === '/slow' && sent.state === 'old') await held.opened;
    return only('state-1')(sent);
  });
  it.keep('old');
  const slow = it.menshen.request({ url: '/slow' });
  assert.equal((await it.menshen.request({ url: '/fast' })).statusCode, 200);
  held.open();
  assert.equal((await slow).statusCode, 200);
  assert.equal(it.logins, 1);
});

test('a repeat that is refused too gives its error, and there is no third try', async () => {
  const it = gateway((sent) => (sent.state === 'old' ? expired() : refusal(401, 'session_revoked', 'login')));
  it.keep('old');
  await assert.rejects(it.menshen.request({ url: '/orders' }), { reason: 'session_revoked', action: 'login' });
  assert.equal(it.logins, 1);
  assert.equal(it.seen.filter(({ path }) => path === '/orders').length, 2);
});

test('a business 401 of a repeat is the caller’s', async () => {
  const it = gateway((sent) => (sent.state === 'old' ? expired() : { statusCode: 401, header: {}, text: '{"code":1}' }));
  it.keep('old');
  assert.equal((await it.menshen.request({ url: '/orders' })).statusCode, 401);
});

for (const [statusCode, reason] of [[503, 'brain_unavailable'], [429, 'rate_limit']]) {
  test(`a ${statusCode} is told at once, with its time`, async () => {
    const it = gateway(() => refusal(statusCode, reason, 'retry', { 'Retry-After': '7' }));
    it.keep('state');
    await assert.rejects(it.menshen.request({ url: '/orders' }), { reason, statusCode, retryAfter: 7, requestId: 'r-1' });
    assert.equal(it.seen.length, 1);
  });
}

test('a login that fails is the answer of all that wait for it, and of those that are refused after it', async () => {
  const held = gate();
  const it = gateway(
    async (sent) => {
      if (sent.path === '/late') await held.opened;
      return expired();
    },
    { login: () => refusal(503, 'platform_says_busy', 'retry') },
  );
  it.keep('old');
  const late = it.menshen.request({ url: '/late' });
  late.catch(() => undefined);
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => it.menshen.request({ url: '/orders' })));
  held.open();
  await assert.rejects(late, { reason: 'platform_says_busy' });
  assert.deepEqual(new Set(all.map(({ reason }) => reason.reason)), new Set(['platform_says_busy']));
  assert.equal(it.logins, 1);
  await assert.rejects(it.menshen.request({ url: '/orders' }), { reason: 'platform_says_busy' });
  assert.equal(it.logins, 2); // a request that begins later is a new try
});

test('a wrong password is nobody else’s failure', async () => {
  const held = gate();
  const it = gateway(only('state-2'), {
    async login(sent, { entered }) {
      if (!sent.body.includes('password')) return entered();
      await held.opened;
      return refusal(403, 'account_refused', 'none');
    },
  });
  it.keep('old');
  const own = it.menshen.login({ username: 'a', password: 'b' });
  own.catch(() => undefined);
  const plain = it.menshen.login();
  const request = it.menshen.request({ url: '/orders' });
  held.open();
  await assert.rejects(own, { reason: 'account_refused' });
  assert.equal((await plain).uid, 'u1');
  assert.equal((await request).statusCode, 200);
});

test('a request that begins while somebody logs in waits for it', async () => {
  const it = gateway(only('state-1'));
  const [, answer] = await Promise.all([it.menshen.login(), it.menshen.request({ url: '/orders' })]);
  assert.equal(answer.statusCode, 200);
  assert.deepEqual(it.seen.map(({ path }) => path), ['/v1/login', '/orders']);
});

test('who has logged out while a request was under way is not logged in by its refusal', async () => {
  const held = gate();
  const it = gateway(async (sent) => {
    if (sent.path === '/v1/logout') return ok({ ended: 1 });
    await held.opened;
    return expired();
  });
  it.keep('old');
  const slow = it.menshen.request({ url: '/slow' });
  slow.catch(() => undefined);
  await it.menshen.logout();
  held.open();
  await assert.rejects(slow, { reason: 'session_expired' });
  assert.equal(it.logins, 0);
});

test('a renewed state of a session that was replaced meanwhile is not kept', async () => {
  const held = gate();
  const it = gateway(async (sent) => {
    if (sent.path !== '/slow') return only('state-1')(sent);
    await held.opened;
    return ok({}, { User_Session: 'old-renewed' });
  });
  it.keep('old');
  const slow = it.menshen.request({ url: '/slow' });
  await it.menshen.request({ url: '/fast' });
  held.open();
  await slow;
  assert.equal(it.kept().state, 'state-1');
});

test('a renewed state is kept whatever the case of its header', async () => {
  const it = gateway(() => ok({}, { 'USER_SESSION': 'renewed' }));
  it.keep('old');
  await it.menshen.request({ url: '/orders' });
  assert.equal(it.kept().state, 'renewed');
});

test('a new state that comes after a logout is not kept', async () => {
  const held = gate();
  const it = gateway(async (sent) => {
    if (sent.path === '/v1/logout') return ok({ ended: 1 });
    await held.opened;
    return ok({ user_session: 'bound', uid: 'u1' });
  });
  it.keep('old');
  const binding = it.menshen.bindPhone({ code: 'p' });
  while (!it.seen.length) await Promise.resolve(); // until it is on its way
  await it.menshen.logout();
  held.open();
  await binding;
  assert.equal((it.kept() || {}).state || '', '');
});

test('a logout that the gateway does not hear is an error, and over on this phone', async () => {
  const it = gateway(() => refusal(503, 'brain_unavailable', 'retry'));
  it.keep('state', 'refresh');
  await assert.rejects(it.menshen.logout(), { reason: 'brain_unavailable' });
  assert.deepEqual(it.kept(), { state: '', refresh: '' });
});

test('two apps and two gateways have logins of their own, two objects of one app have one', async () => {
  const it = gateway(() => ok({}));
  it.keep('mine');
  const sees = async (options) => {
    const menshen = new Menshen({ baseUrl: 'https://gw.example.com', app: 'shop', adapter: adapters.wx(it.wx), ...options });
    await menshen.request({ url: '/orders' });
    return it.seen.at(-1).state;
  };
  assert.equal(await sees({}), 'mine');
  assert.equal(await sees({ baseUrl: 'https://gw.example.com/' }), 'mine');
  assert.equal(await sees({ app: 'other' }), '');
  assert.equal(await sees({ baseUrl: 'https://gw2.example.com' }), '');
});

test('a storage that fails keeps the login as long as the mini program runs', async () => {
  const full = () => {
    throw new Error('setStorageSync:fail exceed');
  };
  const it = gateway(only('state-1'));
  const menshen = new Menshen({
    baseUrl: 'https://gw.example.com',
    adapter: { ...adapters.wx(it.wx), get: full, set: full },
  });
  await menshen.request({ url: '/orders' });
  await menshen.request({ url: '/orders' });
  assert.equal(it.logins, 1);
});

test('a host that only begins like the gateway gets no state', async () => {
  const it = gateway(() => ok({}));
  it.keep('mine');
  for (const url of ['https://gw.example.com.evil.example/a', 'https://gw.example.com@evil.example/a', '//evil.example/a']) {
    await it.menshen.request({ url }).catch(() => undefined);
    assert.equal((it.seen.at(-1) || {}).state || '', '', url);
    assert.equal(it.menshen.carry({ url, header: {} }).header.user_session, undefined, url);
  }
  await it.menshen.request({ url: 'orders' });
  assert.equal(it.seen.at(-1).url, 'https://gw.example.com/orders');
});

test('any other API of the platform can carry the state', () => {
  const it = gateway(() => ok({}));
  it.keep('mine');
  assert.deepEqual(it.menshen.carry({ url: '/file.pdf', filePath: 'x' }), {
    url: 'https://gw.example.com/file.pdf',
    filePath: 'x',
    header: { user_session: 'mine' },
  });
});

test('a timeout goes with every request, unless it has its own', async () => {
  const it = gateway(() => ok({}), { options: { timeout: 1234 } });
  await it.menshen.request({ url: '/a' });
  await it.menshen.request({ url: '/b', timeout: 99 });
  assert.deepEqual(it.seen.map(({ timeout }) => timeout), [1234, 99]);
});

test('onTask gets the task, by which a request is given up', async () => {
  const it = gateway(() => new Promise(() => {}));
  await assert.rejects(it.menshen.request({ url: '/a', onTask: (task) => task.abort() }), { reason: 'network', message: /abort/ });
});

test('a gateway’s address that is none is a mistake of the programmer', () => {
  for (const baseUrl of [undefined, '', 'gw.example.com', '/v1']) {
    assert.throws(() => new Menshen({ baseUrl, adapter: {} }), TypeError);
  }
});
