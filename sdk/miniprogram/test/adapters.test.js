'use strict';
// What each platform does differently, on an object with its shapes: none of these platforms can run here.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const vm = require('node:vm');
const { BASE, Menshen, adapters, refusal } = require('./gateway.js');

const REFUSED = refusal(401, 'session_expired', 'login');

/** A platform's object: `answer` says what its request does, and every call is noted. */
function platform(answer, differences = {}) {
  const calls = [];
  const stored = new Map();
  const api = {
    login: ({ success }) => success({ code: 'code' }),
    request: (options) => void (calls.push(['request', options]), answer(options)),
    uploadFile: (options) => void (calls.push(['uploadFile', options]), answer(options)),
    connectSocket: (options) => (calls.push(['connectSocket', options]), { task: true }),
    getStorageSync: (key) => stored.get(key) || '',
    setStorageSync: (key, value) => void stored.set(key, value),
    ...differences,
  };
  return { api, calls, stored };
}

const entered = ({ success }) => success({ statusCode: 200, data: { user_session: 's', uid: 'u' }, header: {} });

for (const name of ['wx', 'qq', 'tt', 'ks', 'xhs', 'uni', 'taro']) {
  test(`${name} logs in, and keeps its state in the platform's storage`, async () => {
    const { api, calls, stored } = platform(entered);
    await new Menshen({ baseUrl: BASE, adapter: adapters[name](api) }).login();
    assert.equal(calls[0][1].data.code, 'code');
    assert.deepEqual([...stored.values()], [{ state: 's', refresh: '' }]);
  });
}

test('my: authCode, headers, status, and storage by objects', async () => {
  const stored = new Map();
  const { api, calls } = platform(
    ({ success }) => success({ status: 200, data: { user_session: 's', uid: 'u' }, headers: { 'Set-Cookie': ['a=b'] } }),
    {
      login: undefined,
      getAuthCode: ({ scopes, success }) => success({ authCode: `auth-${scopes}` }),
      getStorageSync: ({ key }) => ({ data: stored.get(key), success: true }),
      setStorageSync: ({ key, data }) => void stored.set(key, data),
    },
  );
  const menshen = new Menshen({ baseUrl: BASE, adapter: adapters.my(api) });
  await menshen.login();
  const { statusCode } = await menshen.request({ url: '/orders', header: { a: 'b' } });
  assert.equal(statusCode, 200);
  assert.equal(calls[0][1].data.code, 'auth-auth_base');
  assert.deepEqual(calls[1][1].headers, { a: 'b', user_session: 's' });
  assert.equal(calls[1][1].header, undefined);
});

test('dd: authCode of the corp, httpRequest, and storage by objects', async () => {
  const stored = new Map();
  const asked = [];
  const { api, calls } = platform(
    ({ success }) => success({ status: 200, data: { user_session: 's', uid: 'u' }, headers: {} }),
    {
      login: undefined,
      request: undefined,
      getAuthCode: ({ corpId, scopes, success }) => (asked.push([corpId, scopes]), success({ authCode: 'a' })),
      httpRequest: (options) => void (calls.push(['httpRequest', options]), options.success({ status: 200, data: { user_session: 's' }, headers: {} })),
      getStorageSync: ({ key }) => ({ data: stored.get(key) }),
      setStorageSync: ({ key, data }) => void stored.set(key, data),
    },
  );
  const menshen = new Menshen({ baseUrl: BASE, adapter: adapters.dd(api, 'ding01') });
  await menshen.login();
  assert.deepEqual(asked, [['ding01', undefined]]);
  assert.equal(calls[0][1].data.code, 'a');
  await menshen.request({ url: '/orders' });
  assert.equal(calls[1][1].headers.user_session, 's');
});

test('wecom: the code is of wx.qy, and all else of wx', async () => {
  const { api, calls } = platform(entered, { qy: { login: ({ success }) => success({ code: 'of-the-corp' }) } });
  await new Menshen({ baseUrl: BASE, adapter: adapters.wecom(api) }).login();
  assert.deepEqual([calls[0][0], calls[0][1].data.code], ['request', 'of-the-corp']);
});

test('wecom: outside WeCom there is no code, not one of WeChat', async () => {
  const { api, calls } = platform(entered);
  const login = new Menshen({ baseUrl: BASE, adapter: adapters.wecom(api) }).login();
  await assert.rejects(login, { reason: 'platform_login', action: 'retry' });
  assert.deepEqual(calls, []);
});

test('my: a 401 comes to fail, and is an answer all the same', async () => {
  const { api } = platform(({ fail }) =>
    fail({ error: 19, status: 401, data: JSON.parse(REFUSED.text), headers: { 'X-Menshen-Code': '4024' } }),
  );
  const adapter = { ...adapters.my(api), code: async () => 'c', get: () => '', set: () => {} };
  const menshen = new Menshen({ baseUrl: BASE, adapter });
  assert.equal(await menshen.checkLogin(), false);
  await assert.rejects(menshen.login(), { reason: 'session_expired', statusCode: 401 });
});

test('my: what has no status has not been answered', async () => {
  const { api } = platform(({ fail }) => fail({ error: 12, errorMessage: '网络出错' }), { getStorageSync: () => ({ data: null }) });
  await assert.rejects(new Menshen({ baseUrl: BASE, adapter: adapters.alipay(api) }).request({ url: '/a' }), {
    reason: 'network',
    message: /网络出错/,
  });
});

test('my: an old client has httpRequest only', async () => {
  const asked = [];
  const { api } = platform(() => assert.fail(), {
    request: undefined,
    httpRequest: ({ url, success }) => (asked.push(url), success({ status: 200, data: {}, headers: {} })),
    getStorageSync: () => ({ data: null }),
  });
  await new Menshen({ baseUrl: BASE, adapter: adapters.my(api) }).request({ url: '/a' });
  assert.deepEqual(asked, [`${BASE}/a`]);
});

test('my: the file of an upload is called fileName, and a socket is one of several', async () => {
  const { api, calls } = platform(({ success }) => success({ statusCode: 200, data: '{}', header: {} }), {
    getStorageSync: () => ({ data: null }),
  });
  const adapter = adapters.my(api);
  await new Menshen({ baseUrl: BASE, adapter }).upload({ url: '/f', filePath: 'p', name: 'file' });
  const { fileName, fileType } = calls[0][1];
  assert.deepEqual({ fileName, fileType }, { fileName: 'file', fileType: 'image' });
  adapter.connect({ url: 'wss://x' });
  assert.equal(calls[1][1].multiple, true);
});

test('swan: getLoginCode, or login where there is none', async () => {
  const newer = platform(entered, { getLoginCode: ({ success }) => success({ code: 'without-a-page' }) }).api;
  assert.equal(await adapters.swan(newer).code(), 'without-a-page');
  assert.equal(await adapters.swan(platform(entered).api).code(), 'code');
});

test('tt: a device that nobody is logged in on has no code, and that is an error', async () => {
  const { api, calls } = platform(entered, { login: ({ success }) => success({ anonymousCode: 'a', isLogin: false }) });
  await assert.rejects(new Menshen({ baseUrl: BASE, adapter: adapters.tt(api) }).login(), { reason: 'platform_login' });
  assert.equal(calls.length, 0);
});

test('uni: connectSocket gives a task only with a callback', () => {
  const { api, calls } = platform(entered);
  assert.deepEqual(adapters.uni(api).connect({ url: 'wss://x' }), { task: true });
  assert.equal(typeof calls[0][1].complete, 'function');
  assert.equal(calls[0][1].multiple, true);
});

test('taro: the promise beside the callbacks is nobody’s unhandled rejection', async (t) => {
  const unhandled = [];
  const hear = (reason) => unhandled.push(reason);
  process.on('unhandledRejection', hear);
  t.after(() => process.off('unhandledRejection', hear));
  const { api } = platform(entered, {
    request: ({ fail }) => {
      fail({ errMsg: 'request:fail' });
      return Promise.reject(new Error('request:fail'));
    },
  });
  await assert.rejects(new Menshen({ baseUrl: BASE, adapter: adapters.taro(api) }).request({ url: '/a' }), { reason: 'network' });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(unhandled, []);
});

const GLOBALS = ['dd', 'my', 'swan', 'tt', 'ks', 'xhs', 'qq', 'wx', 'uni'];

/** Which of these globals the SDK asks for its storage, in a mini program that has them all. */
function chosen(...names) {
  const asked = [];
  const globals = Object.fromEntries(
    names.map((name) => [name, { getStorageSync: () => void asked.push(name), request: () => {} }]),
  );
  const module = { exports: {} };
  const context = vm.createContext({ module, ...globals });
  vm.runInContext(fs.readFileSync(path.join(__dirname, '../miniprogram_dist/index.js'), 'utf8'), context);
  const adapter = module.exports.adapters.present();
  try {
    adapter.get('key');
  } catch {
    // my's storage answers with an object.
  }
  return asked[0];
}

for (const name of GLOBALS) test(`${name} is found by its global`, () => assert.equal(chosen(name), name));

test('a platform that defines wx as well is itself', () => {
  for (const name of GLOBALS.filter((each) => each !== 'uni')) assert.equal(chosen('wx', name), name);
  assert.equal(chosen('uni', 'my'), 'my');
  assert.equal(chosen('my', 'dd'), 'dd');
});

test('where there is no platform, an adapter is asked for', () => {
  assert.throws(() => chosen(), /adapter/);
});
