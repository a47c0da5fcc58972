'use strict';
// Runs the code of the console's "Try it" page, unmodified, as a mini program would: `App` keeps its globalData, `Page` its
// members, and buttons are pressed one after the other. Prints what the page showed and got as one JSON object.
//
//   node try_page.js '{"emulator": …, "appid": …, "user": …, "globalData": {…}, "tap": ["login", …]}'

const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { makeWx } = require('./phone.js');

const settings = JSON.parse(process.argv[2]);
const code = fs.readFileSync(path.join(__dirname, '../../src/menshen/web/console/static/try_page.js'), 'utf8');

const { wx, storage, toasts, idle } = makeWx(settings);
const responses = [];
const request = wx.request;
wx.request = (options) => request({ ...options, complete: (result) => responses.push(result) });

let page;
const Page = (members) => {
  page = { ...members, data: { ...members.data }, setData: (changes) => void Object.assign(page.data, changes) };
};
vm.runInContext(code, vm.createContext({ wx, Page, getApp: () => ({ globalData: settings.globalData }) }));

(async () => {
  page.onLoad({});
  const texts = [page.data.text];
  for (const name of settings.tap) {
    page[name]({ type: 'tap' });
    await idle();
    texts.push(page.data.text);
  }
  console.log(JSON.stringify({ texts, toasts, responses, storage: Object.fromEntries(storage) }));
})();
