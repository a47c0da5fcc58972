'use strict';
// The `wx` object of a mini program, as far as code that logs in uses it. One core for two phones: the console's "Try it"
// page and the tests, which run published mini-program code in Node. What a phone does by itself is given to makeWx:
//
//   login()                                          a promise of {code}
//   exchange({url, method, header, body, timeout})   a promise of {statusCode, header, text}
//   checkSession()                                   a promise; rejected where the platform knows the session no more
//   readFile(path)                                   a promise of {name, type, bytes}: of an image that was chosen, say
//   connect({url, header, protocols})                a WebSocket, as browsers have it
//   userInfo()                                       a promise of {userInfo, rawData, signature, encryptedData, iv}; a phone
//                                                    that is given it belongs to a user who has agreed to that
//
// Names, callbacks and texts are those of WeChat's documentation: success or fail, then complete; `errMsg` begins with
// the API's name; without callbacks an API gives a promise, but wx.request, which gives its task.

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const NO_BODY = ['GET', 'HEAD'];
const METHODS = ['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT']; // there is no PATCH

// The documented encodings of wx.request's `data`: query parameters for GET, JSON or a form for the rest.
function encoded(url, method, data, type) {
  if (data === undefined || data === null) return { url };
  if (NO_BODY.includes(method)) {
    const target = new URL(url);
    for (const [name, value] of Object.entries(data)) target.searchParams.set(name, value);
    return { url: target.toString() };
  }
  if (typeof data === 'string') return { url, body: data };
  if (type.includes('x-www-form-urlencoded')) return { url, body: new URLSearchParams(data).toString() };
  return { url, body: JSON.stringify(data) };
}

// A mini program cannot set Referer; everything else goes as it is given, with the documented content type.
function headers(given) {
  const sent = {};
  for (const [name, value] of Object.entries(given || {})) {
    if (name.toLowerCase() !== 'referer') sent[name] = String(value);
  }
  const type = Object.keys(sent).find((name) => name.toLowerCase() === 'content-type');
  if (!type) sent['content-type'] = 'application/json';
  return { sent, type: type ? sent[type].toLowerCase() : 'application/json' };
}

// A form with the texts of `fields` and one file, as bytes.
function form(fields, name, file, boundary) {
  const text = new TextEncoder();
  const quoted = (word) => `"${String(word).replace(/"/g, '%22')}"`;
  const parts = Object.entries(fields).map(
    ([key, value]) => `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(key)}\r\n\r\n${value}\r\n`,
  );
  const head =
    `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(name)}; filename=${quoted(file.name)}\r\n` +
    `Content-Type: ${file.type}\r\n\r\n`;
  const all = [text.encode(parts.join('') + head), file.bytes, text.encode(`\r\n--${boundary}--\r\n`)];
  const body = new Uint8Array(all.reduce((size, part) => size + part.length, 0));
  all.reduce((at, part) => (body.set(part, at), at + part.length), 0);
  return body;
}

function makeWx({ login, exchange, checkSession, readFile, connect, userInfo, language = 'zh_CN', show = () => {} }) {
  const storage = new Map();
  const toasts = [];
  const pending = new Set();

  function track(promise) {
    pending.add(promise);
    promise.finally(() => pending.delete(promise));
  }

  function settle(name, promise, { success, fail, complete } = {}) {
    track(
      promise.then(
        (result) => {
          const told = { ...result, errMsg: `${name}:ok` };
          if (success) success(told);
          if (complete) complete(told);
        },
        (error) => {
          const told = { errMsg: `${name}:fail ${error.message || error}` };
          if (fail) fail(told);
          if (complete) complete(told);
        },
      ),
    );
  }

  // An API that takes callbacks or gives a promise.
  function api(name, work) {
    return (options = {}) => {
      const asked = Promise.resolve(options).then(work);
      if (options.success || options.fail || options.complete) return settle(name, asked, options);
      return new Promise((success, fail) => settle(name, asked, { success, fail }));
    };
  }

  // Storage and toasts answer before they return.
  function direct(name, work) {
    return (options = {}) => {
      const result = work(options);
      const told = result instanceof Error ? { errMsg: `${name}:fail ${result.message}` } : { ...result, errMsg: `${name}:ok` };
      const { success, fail, complete } = options;
      if (result instanceof Error ? fail : success) (result instanceof Error ? fail : success)(told);
      if (complete) complete(told);
      if (success || fail || complete) return undefined;
      return result instanceof Error ? Promise.reject(told) : Promise.resolve(told);
    };
  }

  function socketTask(socket) {
    const heard = (name, told) => (listener) => socket.addEventListener(name, (event) => listener(told(event)));
    return {
      onOpen: heard('open', () => ({ header: {} })),
      onMessage: heard('message', ({ data }) => ({ data })),
      onError: heard('error', ({ message }) => ({ errMsg: message || 'connectSocket:fail' })),
      onClose: heard('close', ({ code, reason }) => ({ code, reason })),
      send: direct('sendSocketMessage', ({ data }) => void socket.send(data)),
      close: direct('closeSocket', ({ code, reason } = {}) => void socket.close(code, reason)),
    };
  }

  const wx = {
    login: api('login', async () => ({ code: (await login()).code })),
    checkSession: api('checkSession', async () => void (await checkSession())),
    getSetting: api('getSetting', async () => ({ authSetting: userInfo ? { 'scope.userInfo': true } : {} })),
    getUserInfo: api('getUserInfo', async () => {
      if (!userInfo) throw new Error('scope unauthorized');
      return userInfo();
    }),
    request(options) {
      const method = (options.method || 'GET').toUpperCase();
      const { sent, type } = headers(options.header);
      let abort;
      const aborted = new Promise((_, reject) => (abort = () => reject(new Error('abort'))));
      const answer = Promise.resolve().then(() => {
        if (!METHODS.includes(method)) throw new Error(`invalid method ${method}`);
        const { url, body } = encoded(options.url, method, options.data, type);
        return exchange({ url, method, header: sent, body, timeout: options.timeout || 60000 });
      });
      const received = Promise.race([answer, aborted]).then(({ statusCode, header, text }) => ({
        data: options.dataType && options.dataType !== 'json' ? text : parsed(text),
        statusCode,
        header,
        cookies: [].concat(header['set-cookie'] || []),
      }));
      settle('request', received, options);
      return { abort };
    },
    // Its answer is documented without headers, and `data` is text whatever it is.
    uploadFile(options) {
      const { sent } = headers(options.header);
      const type = Object.keys(sent).find((name) => name.toLowerCase() === 'content-type');
      const boundary = `----WxUpload${Math.random().toString(36).slice(2)}`;
      sent[type] = `multipart/form-data; boundary=${boundary}`;
      const answer = Promise.resolve()
        .then(() => readFile(options.filePath))
        .then((file) => form(options.formData || {}, options.name, file, boundary))
        .then((body) => exchange({ url: options.url, method: 'POST', header: sent, body, timeout: options.timeout || 60000 }))
        .then(({ statusCode, text }) => ({ data: text, statusCode }));
      settle('uploadFile', answer, options);
      return { abort() {} };
    },
    connectSocket(options) {
      const socket = connect({ url: options.url, header: headers(options.header).sent, protocols: options.protocols || [] });
      settle('connectSocket', Promise.resolve({}), options);
      return socketTask(socket);
    },
    setStorageSync: (key, value) => void storage.set(key, value),
    getStorageSync: (key) => (storage.has(key) ? storage.get(key) : ''),
    removeStorageSync: (key) => void storage.delete(key),
    clearStorageSync: () => storage.clear(),
    setStorage: direct('setStorage', ({ key, data }) => void storage.set(key, data)),
    getStorage: direct('getStorage', ({ key }) =>
      storage.has(key) ? { data: storage.get(key) } : new Error('data not found'),
    ),
    removeStorage: direct('removeStorage', ({ key }) => void storage.delete(key)),
    showToast: direct('showToast', ({ title, icon, duration }) => {
      const toast = Object.fromEntries(Object.entries({ title, icon, duration }).filter(([, value]) => value !== undefined));
      toasts.push(toast);
      show(toast);
    }),
    getAppBaseInfo: () => ({ language }),
  };

  // Until nothing that page code started is under way: callbacks may start more, and so may promises that wait for them.
  async function idle() {
    do {
      await Promise.allSettled([...pending]);
      await new Promise((resolve) => setTimeout(resolve));
    } while (pending.size);
  }

  return { wx, storage, toasts, idle };
}

if (typeof module === 'object') module.exports = { makeWx };
else globalThis.makeWx = makeWx;
