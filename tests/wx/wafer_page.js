'use strict';
// Runs the published wafer2-client-sdk as a page uses it, on the `wx` object. Each step is a method of the SDK with its
// options; prints what each gave or failed with, what was sent meanwhile, and the storage.
//
//   node wafer_page.js '{"modules": …node_modules, "gateway": …, "emulator": …, "appid": …, "user": …, "profile": {…},
//                        "login": "/wafer/login", "storage": {…}, "steps": [["login"], ["request", {"url": "/wafer/orders"}]]}'

const path = require('node:path');
const { makeWx } = require('./phone.js');

const settings = JSON.parse(process.argv[2]);
const { wx, storage } = makeWx({ ...settings, agreed: true });
for (const [key, value] of Object.entries(settings.storage || {})) storage.set(key, value);
// Its WebSocket tunnel (信道) hangs on these the moment that it is loaded; no page here opens one.
for (const event of ['Open', 'Message', 'Error', 'Close']) wx[`onSocket${event}`] = () => {};
globalThis.wx = wx;

const sent = [];
const request = wx.request;
wx.request = (options) =>
  request({
    ...options,
    success: (result) => {
      const { pathname } = new URL(options.url);
      sent.push({ path: pathname, statusCode: result.statusCode, data: result.data, header: result.header });
      if (options.success) options.success(result);
    },
  });

const qcloud = require(path.join(settings.modules, 'wafer2-client-sdk'));
qcloud.setLoginUrl(settings.gateway + settings.login);

const step = ([name, options = {}]) =>
  new Promise((done) => {
    const asked = { ...options };
    if (asked.url) asked.url = settings.gateway + asked.url;
    asked.success = (value) => done({ value: name === 'request' ? { statusCode: value.statusCode, data: value.data } : value });
    asked.fail = (error) => done({ error: error.message || error.errMsg });
    qcloud[name](asked);
  });

(async () => {
  const done = [];
  for (const each of settings.steps) done.push(await step(each));
  console.log(JSON.stringify({ done, sent, storage: Object.fromEntries(storage) }));
})();
