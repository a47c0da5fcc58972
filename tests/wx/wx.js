'use strict';
// A small `wx` object for Node: enough of the mini-program runtime to run page code unmodified. `wx.login` asks the
// emulator for a code, as a phone asks WeChat; `wx.request` is a real HTTP request; storage is a map.

const http = require('node:http');

function exchange(url, { method = 'GET', headers = {}, body, timeout = 60000 } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, timeout }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ response, text: Buffer.concat(chunks).toString('utf8') }));
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
    request.end(body);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// The documented encodings of wx.request's `data`: query parameters for GET, JSON or a form for the rest.
function encode(url, method, data, headers) {
  if (data === undefined) return { url };
  const type = String(headers['content-type'] || '');
  if (method === 'GET') {
    const target = new URL(url);
    for (const [name, value] of Object.entries(data)) target.searchParams.set(name, value);
    return { url: target.toString() };
  }
  if (typeof data === 'string') return { url, body: data };
  if (type.includes('x-www-form-urlencoded')) return { url, body: new URLSearchParams(data).toString() };
  return { url, body: JSON.stringify(data) };
}

function makeWx({ emulator, platform = 'wechat', appid, user }) {
  const storage = new Map();
  const toasts = [];
  const pending = new Set();

  function track(promise) {
    pending.add(promise);
    promise.finally(() => pending.delete(promise));
  }

  function settle(promise, { success, fail, complete }) {
    track(
      promise.then(
        (result) => {
          if (success) success(result);
          if (complete) complete(result);
        },
        (error) => {
          const result = { errMsg: String(error.message || error) };
          if (fail) fail(result);
          if (complete) complete(result);
        },
      ),
    );
  }

  const wx = {
    login(options = {}) {
      const body = JSON.stringify({ appid, user });
      const headers = { 'content-type': 'application/json' };
      const asked = exchange(`${emulator}/emulator/${platform}/login`, { method: 'POST', headers, body });
      settle(
        asked.then(({ response, text }) => {
          if (response.statusCode !== 200) throw new Error(`login:fail ${text}`);
          return { code: JSON.parse(text).code, errMsg: 'login:ok' };
        }),
        options,
      );
    },
    request(options) {
      const method = (options.method || 'GET').toUpperCase();
      const headers = {};
      for (const [name, value] of Object.entries(options.header || {})) headers[name.toLowerCase()] = String(value);
      headers['content-type'] = headers['content-type'] || 'application/json';
      const { url, body } = encode(options.url, method, options.data, headers);
      settle(
        exchange(url, { method, headers, body, timeout: options.timeout }).then(({ response, text }) => ({
          data: parsed(text),
          statusCode: response.statusCode,
          header: response.headers,
          errMsg: 'request:ok',
        })),
        options,
      );
    },
    setStorageSync: (key, value) => void storage.set(key, value),
    getStorageSync: (key) => (storage.has(key) ? storage.get(key) : ''),
    setStorage({ key, data, success }) {
      storage.set(key, data);
      if (success) success({ errMsg: 'setStorage:ok' });
    },
    showToast: (options) => void toasts.push(options),
  };

  // Until nothing that page code started is under way: callbacks may start more.
  async function idle() {
    while (pending.size) await Promise.allSettled([...pending]);
  }

  return { wx, storage, toasts, idle };
}

module.exports = { makeWx };
