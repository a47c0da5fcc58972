// Codes from Menshen's emulator instead of WeChat's. Delete this file, and where it is used, in a mini program of your own.

const { emulator } = require('./config.js');

function ask(what) {
  return new Promise((resolve, reject) => {
    wx.request({
      url: `${emulator.url}/emulator/wechat/${what}`,
      method: 'POST',
      data: { appid: emulator.appid, user: emulator.user },
      success: ({ statusCode, data }) => (statusCode === 200 ? resolve(data) : reject(new Error(data.error))),
      fail: ({ errMsg }) => reject(new Error(errMsg)),
    });
  });
}

module.exports = {
  inUse: Boolean(emulator) && wx.getAccountInfoSync().miniProgram.envVersion === 'develop',
  // What wx.login gives.
  code: () => ask('login').then(({ code }) => code),
  // What the phone button gives as e.detail.
  phone: () => ask('phone').then(({ code }) => ({ errMsg: 'getPhoneNumber:ok', code })),
};
