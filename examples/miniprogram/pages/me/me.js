const explain = require('../../reasons.js');

const app = getApp();

Page({
  data: { state: 'entering', user: {}, problem: '', retry: false },

  onShow() {
    this.show();
  },

  show() {
    if (app.left) {
      this.setData({ state: 'left', user: {}, problem: '' });
      return Promise.resolve();
    }
    if (this.data.state !== 'entered') this.setData({ state: 'entering' });
    return app.user().then(
      (user) => this.setData({ state: 'entered', user, problem: '' }),
      (error) => {
        const { text, retry } = explain(error);
        this.setData({ state: 'failed', problem: text, retry });
      },
    );
  },

  enter() {
    app.enter();
    return this.show();
  },

  leave() {
    wx.showModal({
      title: '退出登录',
      content: '退出后，订单和资料要重新登录才能查看。',
      success: ({ confirm }) => {
        if (confirm) app.leave().then(() => this.show());
      },
    });
  },

  toProfile() {
    wx.navigateTo({ url: '/pages/profile/profile' });
  },

  toPhone() {
    wx.navigateTo({ url: '/pages/phone/phone' });
  },
});
