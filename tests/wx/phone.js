'use strict';
// A phone for Node, which runs page code unmodified: the console's own `wx` object, whose wx.login asks the emulator for a
// code, as a phone asks WeChat, and whose wx.request is a real HTTP request.

const http = require('node:http');
const path = require('node:path');
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

function makeWx({ emulator, platform = 'wechat', appid, user }) {
  return core.makeWx({
    exchange,
    async login() {
      const { statusCode, text } = await exchange({
        url: `${emulator}/emulator/${platform}/login`,
        method: 'POST',
        header: { 'content-type': 'application/json' },
        body: JSON.stringify({ appid, user }),
      });
      if (statusCode !== 200) throw new Error(text);
      return JSON.parse(text);
    },
    // The platform answers a server only; a phone of its own keeps the session as long as it lives.
    async checkSession() {},
  });
}

module.exports = { makeWx };
