'use strict';
// The mini program of the WeCom how-to, as it stands there, on a phone in WeCom: wx.qy.login gives codes, and wx.login none.
//
//   node wecom_page.js '{"emulator": …, "platform": "wecom", "appid": …, "user": …, "page": FILE, "gateway": …, "url": …}'

const fs = require('node:fs');
const path = require('node:path');
const { makeWx } = require('./phone.js');

const settings = JSON.parse(process.argv[2]);
const { wx } = makeWx(settings);
const { login } = wx;
globalThis.wx = Object.assign(wx, {
  login: ({ fail }) => fail({ errMsg: 'login:fail' }),
  qy: { login },
});

const text = fs.readFileSync(settings.page, 'utf8').split('https://api.example.com').join(settings.gateway);
const [, code] = text.match(/```js\n([\s\S]*?)```/);
const sdk = path.join(__dirname, '../../examples/miniprogram/miniprogram_npm/menshen-miniprogram/index.js');
const menshen = new Function('require', `${code}; return menshen;`)(() => require(sdk));

menshen.request({ url: settings.url }).then(({ statusCode, data }) => console.log(JSON.stringify({ statusCode, data })));
