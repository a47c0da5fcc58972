'use strict';
// Runs a scenario on a phone with the built SDK, and prints what it gives as one JSON object.
//
//   node phone.js '{"emulator": …, "appid": …, "user": …, "scenario": FILE, "options": {…of new Menshen},
//                   "planted": {"state": …, "refresh": …}, "stored": {KEY: VALUE}, "given": …}'
//
// A scenario exports a function of {menshen, Menshen, adapters, wx, phone, given, caught}.

const path = require('node:path');
const { makeWx } = require('../wx/phone.js');

const settings = JSON.parse(process.argv[2]);
const phone = makeWx(settings);
globalThis.wx = phone.wx;

const { Menshen, MenshenError, adapters } = require('../../sdk/miniprogram/miniprogram_dist/index.js');

const { options, planted } = settings;
const key = `menshen:${options.app || ''}@${options.baseUrl}`;
if (planted) wx.setStorageSync(key, { state: '', refresh: '', ...planted });

for (const [name, value] of Object.entries(settings.stored || {})) wx.setStorageSync(name, value);

// What an error says; anything but an error of the SDK fails the scenario.
function caught(error) {
  if (!(error instanceof MenshenError)) throw error;
  const { code, reason, message, action, requestId, statusCode, retryAfter } = error;
  return { code, reason, message, action, requestId, statusCode, retryAfter };
}

(async () => {
  const menshen = new Menshen(options);
  const run = require(path.resolve(settings.scenario));
  const found = await run({ menshen, Menshen, adapters, wx, phone, options, given: settings.given || {}, caught });
  console.log(JSON.stringify({ ...found, kept: wx.getStorageSync(key) }));
})().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
