'use strict';
// The pages of the how-to, as they stand there: each ```js block gives App or Page what it has, and `given.call` names their
// handlers, with an event each. Blocks are modules of one mini program, in which the SDK is installed.

const assert = require('node:assert');
const fs = require('node:fs');
const vm = require('node:vm');
const sdk = require('../../../sdk/miniprogram/miniprogram_dist/index.js');

module.exports = async ({ wx, given, phone, options }) => {
  const text = fs.readFileSync(given.page, 'utf8').split('https://api.example.com').join(options.baseUrl);
  const app = {};
  const page = { data: {}, setData: (change) => Object.assign(page.data, change) };
  const context = vm.createContext({
    wx,
    console,
    require: (name) => (name === 'menshen-miniprogram' ? sdk : assert.fail(name)),
    App: (members) => Object.assign(app, members),
    Page: ({ data, ...members }) => (Object.assign(page, members), Object.assign(page.data, data)),
    getApp: () => app,
  });
  for (const [, code] of text.matchAll(/```js\n([\s\S]*?)```/g)) vm.runInContext(`(() => {${code}})()`, context);
  app.onLaunch();
  const events = { $phone: () => phone.pressed.getPhoneNumber() };
  for (const [handler, detail] of given.call) {
    await page[handler]({ detail: events[detail] ? await events[detail]() : detail });
  }
  const uploaded = given.file ? await page.send(given.file) : undefined;
  if (given.listen) {
    await page.listen();
    while (!page.data.heard) await new Promise((resolve) => setTimeout(resolve, 10));
    page.socket.close();
  }
  return { data: page.data, uploaded };
};
