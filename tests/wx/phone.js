'use strict';
// A phone for Node, which runs page code unmodified: the console's own `wx` object, whose wx.login asks the emulator for a
// code, as a phone asks WeChat, and whose wx.request is a real HTTP request.

const fs = require('node:fs/promises');
const http = require('node:http');
const path = require('node:path');
const { connect } = require('./websocket.js');
const core = require(path.join(__dirname, '../../src/menshen/web/console/static/wx.js'));

function exchange({ url, method = 'GET', header = {}, body, timeout = 60000 }) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers: header, timeout }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          statusCode: response.statusCode,
          header: response.headers,
          text: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
    request.end(body);
  });
}

// `agreed`: the user has let the app have his profile before. `profile` and `phone` are what is known of him.
function makeWx({ emulator, platform = 'wechat', appid, user, agreed = false, profile = {}, phone = '' }) {
  async function ask(what, more = {}) {
    const { statusCode, text } = await exchange({
      url: `${emulator}/emulator/${platform}/${what}`,
      method: 'POST',
      header: { 'content-type': 'application/json' },
      body: JSON.stringify({ appid, user, ...more }),
    });
    if (statusCode !== 200) throw new Error(text);
    return JSON.parse(text);
  }

  async function userInfo() {
    const open = await ask('open-data', { kind: 'userinfo', profile });
    return { userInfo: JSON.parse(open.rawData), ...open };
  }

  // What a page gets as e.detail when the user presses a button with this open-type and agrees.
  const pressed = {
    getUserInfo: async () => ({ errMsg: 'getUserInfo:ok', ...(await userInfo()) }),
    // A base library before 2.21.2 gives no code. https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/getPhoneNumber.html
    getPhoneNumber: async ({ old = false } = {}) => ({
      errMsg: 'getPhoneNumber:ok',
      ...(await ask('open-data', { kind: 'phone', phone })),
      ...(old ? {} : await ask('phone', { phone })),
    }),
  };

  const made = core.makeWx({
    exchange,
    connect,
    login: () => ask('login'),
    // The platform answers a server only; a phone of its own keeps the session as long as it lives.
    async checkSession() {},
    async readFile(file) {
      const type = { '.png': 'image/png', '.jpg': 'image/jpeg', '.webp': 'image/webp', '.gif': 'image/gif' }[path.extname(file)];
      return { name: path.basename(file), type: type || 'application/octet-stream', bytes: await fs.readFile(file) };
    },
    userInfo: agreed ? userInfo : undefined,
  });
  return { ...made, pressed };
}

module.exports = { makeWx };
