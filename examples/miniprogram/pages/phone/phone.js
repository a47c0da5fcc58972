const emulated = require('../../emulated.js');
const explain = require('../../reasons.js');

const app = getApp();

Page({
  data: { phone: '', binding: false, problem: '', emulated: emulated.inUse },

  onLoad() {
    return app.user().then(
      ({ phone }) => this.setData({ phone }),
      (error) => this.fail(error),
    );
  },

  // detail has a `code`, or on old base libraries `encryptedData` and `iv`: the SDK takes both.
  onPhone({ detail }) {
    if (detail.errMsg === 'getPhoneNumber:ok') return this.bind(detail);
    const refused = /deny|cancel/.test(detail.errMsg);
    this.setData({ problem: refused ? '你没有授权，可以随时再来绑定' : '现在拿不到微信手机号，请稍后再试' });
    return undefined;
  },

  onEmulated() {
    return emulated.phone().then(
      (detail) => this.bind(detail),
      () => this.fail({ reason: 'network' }),
    );
  },

  bind(detail) {
    this.setData({ binding: true, problem: '' });
    return app.menshen
      .bindPhone(detail)
      .then(() => app.user())
      .then(
        ({ phone }) => this.setData({ phone, binding: false }),
        (error) => this.fail(error),
      );
  },

  fail(error) {
    this.setData({ binding: false, problem: explain(error).text });
  },

  onPrivacy() {
    wx.openPrivacyContract({ fail: () => wx.showToast({ title: '暂时打不开', icon: 'none' }) });
  },
});
