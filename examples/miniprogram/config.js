// The gateway, and the app of its document that this mini program is.
module.exports = {
  gateway: 'http://127.0.0.1:8080',
  app: 'shop',

  // Without an AppID of your own WeChat gives no code that anybody could exchange: Menshen's emulator gives one then, to
  // whoever `user` names. With an AppID: `emulator: null`. It counts in the development version only.
  emulator: { url: 'http://127.0.0.1:8082', appid: 'wx4f4bc4dec97d474b', user: 'zhangsan' },
};
