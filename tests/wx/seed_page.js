'use strict';
// Runs the ```js blocks of a document as a mini program would: `Page` and `App` keep what they are given, and the
// handlers that are named are called one after the other. Prints what the page had, got and logged as one JSON object.
//
//   node seed_page.js '{"emulator": …, "appid": …, "user": …, "document": …,
//                       "replace": {"text of the document": "what stands there instead"}, "call": ["tapLogin", …]}'
//
// A block that defines neither page nor app runs when it is called by its number, as in "call": ["onLaunch", "1"].

const fs = require('node:fs');
const vm = require('node:vm');
const { makeWx } = require('./phone.js');

const settings = JSON.parse(process.argv[2]);

// TypeScript's types are taken off, as the mini program's compiler does; of its grammar, what the documents use.
const untyped = (code) =>
  code
    .replace(/\b(App|Page)<\w+>/g, '$1')
    .replace(/\)\s*:\s*(void|string|any)\b/g, ')')
    .replace(/(\}|\b\w+)\s*:\s*(string|any)\b(?=\s*[=,)])/g, '$1');

const replaced = (code) =>
  Object.entries(settings.replace).reduce((text, [from, to]) => {
    if (!text.includes(from)) return text;
    return text.split(from).join(to);
  }, code);

const text = fs.readFileSync(settings.document, 'utf8');
const blocks = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map((match) => untyped(replaced(match[1])));

const { wx, storage, idle } = makeWx(settings);
const responses = [];
const printed = [];
const request = wx.request;
wx.request = (options) => request({ ...options, complete: (result) => responses.push(result) });

const defined = {};
const keep = (members) => void Object.assign(defined, members);
const console_ = { log: (...values) => void printed.push(...values) };
const context = vm.createContext({ wx, console: console_, Page: keep, App: keep });

(async () => {
  for (const code of blocks.filter((block) => /\b(App|Page)\(/.test(block))) vm.runInContext(code, context);
  for (const name of settings.call) {
    if (name in defined) defined[name]();
    else vm.runInContext(blocks[Number(name)], context);
    await idle();
  }
  console.log(JSON.stringify({ storage: Object.fromEntries(storage), printed, responses }));
})();
