'use strict';
// A page of Authing's first SDK: `given.calls` are [method, ...arguments]; "$code" is a fresh code of the page's own wx.login,
// "$user" and "$phone" are what a button gives.

const Authing = require('../../../sdk/miniprogram/miniprogram_dist/authing.js');

module.exports = async ({ wx, phone, options, given }) => {
  const authing = new Authing({ userPoolId: 'YOUR_USERPOOLID', host: options.baseUrl, app: options.app });
  const made = {
    $code: async () => (await wx.login()).code,
    $user: () => phone.pressed.getUserInfo(),
    $phone: () => phone.pressed.getPhoneNumber({ old: given.old }),
  };
  const filled = async (value) => {
    if (typeof value === 'string' && made[value]) return made[value]();
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([name, each]) => [name, await filled(each)])));
  };
  const results = [];
  for (const [method, ...values] of given.calls) {
    const filling = [];
    for (const value of values) filling.push(await filled(value));
    results.push(
      await authing[method](...filling).then(
        (result) => ({ result }),
        (error) => ({ error: typeof error === 'string' ? error : { reason: error.reason, code: error.code, message: error.message } }),
      ),
    );
  }
  return { results };
};
