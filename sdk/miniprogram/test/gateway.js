'use strict';
// A phone whose network is a function, for what no real gateway can be made to do at the right moment: tests/sdk has the
// running one. The `wx` object is the console's and the other tests'.

const path = require('node:path');
const { makeWx } = require(path.join(__dirname, '../../../src/menshen/web/console/static/wx.js'));
const { Menshen, MenshenError, adapters } = require('../miniprogram_dist/index.js');

const BASE = 'https://gw.example.com';

function refusal(statusCode, reason, action, header = {}) {
  const body = { code: statusCode * 10, reason, message: `${reason}.`, action, request_id: 'r-1' };
  return { statusCode, header: { 'x-menshen-code': String(body.code), ...header }, text: JSON.stringify(body) };
}

const expired = () => refusal(401, 'session_expired', 'login');
const ok = (data, header = {}) => ({ statusCode: 200, header, text: JSON.stringify(data) });

/**
 * `answer(request, gateway)` answers what is not a login or a refresh; logins give state-1, state-2 …
 * `gateway.logins` counts them, `gateway.seen` has every request.
 */
function gateway(answer, { login, token, options = {}, adapter } = {}) {
  const it = { logins: 0, seen: [] };
  const entered = () => ok({ user_session: `state-${it.logins}`, uid: 'u1', expires_in: 7200, new_user: false });
  it.phone = makeWx({
    login: async () => ({ code: `code-${it.seen.length}` }),
    checkSession: async () => {},
    async exchange(request) {
      const sent = { ...request, path: request.url.replace(BASE, ''), state: request.header.user_session || '' };
      it.seen.push(sent);
      if (sent.path === '/v1/login' || sent.path === '/v1/login/phone') {
        it.logins += 1;
        return login ? login(sent, it) : entered();
      }
      if (sent.path === '/v1/token' && token) return token(sent, it);
      return answer(sent, it);
    },
  });
  it.wx = it.phone.wx;
  it.entered = entered;
  it.menshen = new Menshen({ baseUrl: BASE, app: 'shop', adapter: adapter || adapters.wx(it.wx), ...options });
  it.key = `menshen:shop@${BASE}`;
  it.keep = (state, refresh = '') => it.wx.setStorageSync(it.key, { state, refresh });
  it.kept = () => it.wx.getStorageSync(it.key);
  return it;
}

module.exports = { BASE, Menshen, MenshenError, adapters, expired, gateway, ok, refusal };
