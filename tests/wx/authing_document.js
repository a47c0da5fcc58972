'use strict';
// Runs the page of Authing's document: its ```javascript blocks, with the path of the SDK and the server's address filled
// in and nothing else changed, and its ```markup blocks, whose buttons are pressed. What the document leaves to the page is
// done here: a fresh code is kept before each step, and showDialog notes what it is told.
//
//   node authing_document.js '{"emulator": …, "appid": …, "user": …, "document": …, "sdk": FILE, "host": …,
//                          "do": [["press", "getUserInfo"], ["start"], ["press", "getPhoneNumber", {"old": true}]]}'
//
// "start" runs the block that is no member of the page, as onLoad would; {"deny": true} is a user who says no,
// {"code": …} a code that is kept instead of a fresh one. Prints one {"userinfo", "dialogs"} a step, and what was stored.

const fs = require('node:fs');
const vm = require('node:vm');
const { makeWx } = require('./phone.js');
const { parse } = require('./mini/wxml.js');

const settings = JSON.parse(process.argv[2]);
const text = fs.readFileSync(settings.document, 'utf8');
const fenced = (kind) => [...text.matchAll(new RegExp('```' + kind + '\\n([\\s\\S]*?)```', 'g'))].map((match) => match[1]);

const { wx, storage, idle, pressed } = makeWx(settings);
const printed = [];
const dialogs = [];
const modules = { [settings.sdk]: undefined };
const context = vm.createContext({
  wx,
  console: { log: (...values) => void printed.push(...values) },
  setTimeout,
  clearTimeout,
  require: (file) => loaded(file),
});

// The SDK as a mini program loads it: with `wx` and without Node.
function loaded(file) {
  if (modules[file]) return modules[file].exports;
  const module = { exports: {} };
  modules[file] = module;
  const near = (name) => loaded(require('node:path').resolve(file, '..', name.endsWith('.js') ? name : `${name}.js`));
  vm.runInContext(`(function (require, module, exports) {${fs.readFileSync(file, 'utf8')}\n})`, context)(near, module, module.exports);
  return module.exports;
}

const [requires, makes, ...rest] = fenced('javascript');
const filled = (code, from, to) => {
  if (!code.includes(from)) throw new Error(`the document has no ${from}`);
  return code.replace(from, to);
};
vm.runInContext(filled(requires, 'path/to/authing/authing.js', settings.sdk), context);
vm.runInContext(filled(makes, "'YOUR_USERPOOLID'", `'YOUR_USERPOOLID', host: ${JSON.stringify(settings.host)}`), context);

const member = /^(?:\/\/.*\n)*\w+: function/;
const page = {
  data: {},
  setData: (changes) => void Object.assign(page.data, changes),
  showDialog: (title, reason) => void dialogs.push([title, reason && reason.message ? reason.message : reason]),
};
for (const code of rest.filter((block) => member.test(block))) {
  Object.assign(page, vm.runInContext(`({${code}})`, context));
}
const start = rest.filter((block) => !member.test(block));
const buttons = fenced('markup').flatMap((markup) => parse(markup).children);

const steps = {
  start: () => start.forEach((block) => vm.runInContext(`(function () {${block}})`, context).call(page)),
  async press(opens, { old, deny } = {}) {
    const button = buttons.find(({ attributes }) => attributes['open-type'] === opens);
    const handler = button.attributes[`bind${opens.toLowerCase()}`];
    const detail = deny ? { errMsg: `${opens}:fail auth deny` } : await pressed[opens]({ old });
    page[handler]({ type: opens.toLowerCase(), detail });
  },
};

(async () => {
  const told = [];
  for (const [what, ...options] of settings.do) {
    const { code } = options[1] || {};
    wx.setStorageSync('code', code || (await wx.login()).code);
    context.code = wx.getStorageSync('code');
    dialogs.length = 0;
    page.data = {};
    await steps[what](...options);
    await idle();
    told.push({ userinfo: page.data.userinfo || null, dialogs: [...dialogs] });
  }
  console.log(JSON.stringify({ told, printed, storage: Object.fromEntries(storage) }));
})();
