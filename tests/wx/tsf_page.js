'use strict';
// Runs the mini-program code of the TSF document: its two pieces of code, with the URL placeholders filled in and nothing
// else changed. They are fenced blocks, or follow the steps of a list. Prints what the page had and got as one JSON object.
//
//   node tsf_page.js '{"emulator": …, "appid": …, "user": …, "document": …, "login": URL, "business": URL}'

const fs = require('node:fs');
const vm = require('node:vm');
const { makeWx } = require('./phone.js');

const settings = JSON.parse(process.argv[2]);
const text = fs.readFileSync(settings.document, 'utf8');
const blocks = text.includes('```')
  ? [...text.matchAll(/```\n([\s\S]*?)```/g)].map((match) => match[1])
  : text.split(/^ *\d+\. .*\n/m).filter((step) => step.includes('wx.request('));
const [login, business] = blocks.map((code) =>
  code
    .replace('${LOGIN_BUSINESS_URL}', JSON.stringify(settings.login))
    .replace('${BUSINESS_URL}', JSON.stringify(settings.business)),
);

const { wx, storage, toasts, idle } = makeWx(settings);
const responses = [];
const request = wx.request;
wx.request = (options) => request({ ...options, complete: (result) => responses.push(result) });
const context = vm.createContext({ wx, console });

(async () => {
  vm.runInContext(login, context);
  await idle();
  // The second block is one member of a page's object.
  const page = vm.runInContext(`({${business}})`, context);
  page.BusinessRequestFunc();
  await idle();
  console.log(JSON.stringify({ storage: Object.fromEntries(storage), toasts, responses }));
})();
