'use strict';
// Runs the published authing-wxapp-sdk as a page uses it, on the `wx` object. Each step is a method of its client with its
// arguments, or one of the page's own below; prints what each gave, what `onError` was told meanwhile, and the storage.
//
//   node authing_page.js '{"modules": …node_modules, "host": …, "gateway": …, "emulator": …, "appid": …, "user": …,
//                          "phone": …, "profile": {…}, "picture": …file, "options": {"appId": …}, "storage": {…}, "steps": [["loginByCode"], …]}'
//
// In arguments "$code" is what wx.login gives, "$last" the code before, "$user" and "$phone" what the buttons give.

const path = require('node:path');
const { makeWx } = require('./phone.js');

const settings = JSON.parse(process.argv[2]);
const { wx, storage, pressed } = makeWx(settings);
for (const [key, value] of Object.entries(settings.storage || {})) storage.set(key, value);
wx.chooseImage = async () => ({ errMsg: 'chooseImage:ok', tempFilePaths: [settings.picture] });
globalThis.wx = wx;

const sent = [];
const request = wx.request;
wx.request = (options) =>
  request({
    ...options,
    success: (result) => {
      sent.push({ url: options.url, statusCode: result.statusCode, code: result.header['x-menshen-code'] || '' });
      if (options.success) options.success(result);
    },
  });

// A phone has no `process`, by which wx-axios would know Node and open sockets of its own instead of calling wx.request.
Object.defineProperty(process, Symbol.toStringTag, { value: 'phone' });
const { AuthenticationClient } = require(path.join(settings.modules, 'authing-wxapp-sdk'));

const told = [];
const authing = new AuthenticationClient({
  host: settings.host,
  onError: (code, message, data) => void told.push({ code, message, data }),
  ...settings.options,
});

let last = '';
async function given(value) {
  if (value === '$code') return (last = (await wx.login()).code);
  if (value === '$last') return last;
  if (value && typeof value === 'object' && !Array.isArray(value)) {
    const found = {};
    for (const [name, inner] of Object.entries(value)) found[name] = await given(inner);
    return found;
  }
  return value;
}

const call = (url, header) => new Promise((success, fail) => wx.request({ url: settings.gateway + url, header, success, fail }));
const token = () => wx.getStorageSync('_authing_token');

// What the page itself does. `open` logs in with the profile that the button gives, `press` with the number of the other.
const page = {
  open: async () => {
    const { code } = await wx.login();
    const { encryptedData, iv, rawData } = await pressed.getUserInfo();
    return authing.loginByCode(code, { encryptedData, iv, rawData });
  },
  press: async (method) => {
    const { code } = await wx.login();
    last = code;
    const { encryptedData, iv } = await pressed.getPhoneNumber({ old: true });
    return authing[method](code, iv, encryptedData);
  },
  // An avatar with the token, which the package's own updateAvatar does not send.
  avatar: async () => {
    const header = { Authorization: `Bearer ${token()}` };
    const { tempFilePaths } = await wx.chooseImage({ count: 1 });
    const { data } = await new Promise((success, fail) =>
      wx.uploadFile({ url: `${settings.host}/api/v2/upload?folder=avatar`, name: 'file', filePath: tempFilePaths[0], header, success, fail }),
    );
    return authing.updateProfile({ photo: JSON.parse(data).data.url });
  },
  // A business request; where the token is good no more the page logs in, and asks once more.
  order: async (url) => {
    const ask = () => call(url, { Authorization: `Bearer ${token()}` });
    let answer = await ask();
    if ([2020, 2206, 2207].includes(answer.data.code)) {
      await authing.loginByCode((await wx.login()).code);
      answer = await ask();
    }
    return { statusCode: answer.statusCode, data: answer.data };
  },
};

(async () => {
  const done = [];
  for (const [name, ...values] of settings.steps) {
    const before = told.length;
    const step = {};
    try {
      const args = [];
      for (const value of values) args.push(await given(value));
      step.value = await (page[name] || authing[name].bind(authing))(...args);
    } catch (error) {
      step.error = error.message || String(error);
    }
    done.push({ ...step, told: told.slice(before) });
  }
  console.log(JSON.stringify({ done, sent, storage: Object.fromEntries(storage) }));
})();
