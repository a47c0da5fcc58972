const explain = require('../../reasons.js');

const app = getApp();

const STATUS = { paid: '待发货', sent: '已发货' };

const shown = ({ id, goods, amount, status }) => ({
  id,
  goods,
  price: `¥${(amount / 100).toFixed(2)}`,
  status: STATUS[status] || status,
});

Page({
  data: { left: false, loading: true, placing: false, orders: [], problem: '', retry: false },

  onShow() {
    this.load();
  },

  onPullDownRefresh() {
    this.load().then(() => wx.stopPullDownRefresh());
  },

  // The request carries the login state; where there is none, or it has expired, the SDK logs in first. Nobody notices.
  load() {
    if (app.left) {
      this.setData({ left: true, orders: [], problem: '' });
      return Promise.resolve();
    }
    this.setData({ left: false, loading: true });
    return this.ask({ url: '/mall/orders' }).then(
      (data) => this.setData({ loading: false, problem: '', orders: data.orders.map(shown) }),
      (error) => this.fail(error),
    );
  },

  place() {
    this.setData({ placing: true });
    return this.ask({ url: '/mall/orders', method: 'POST', data: { goods: '龙井茶 100 克' } }).then(
      (order) => this.setData({ placing: false, orders: [shown(order)].concat(this.data.orders) }),
      (error) => this.fail(error),
    );
  },

  // What the gateway refuses is rejected by the SDK. What the backend refuses is an answer, and ours to judge.
  ask(options) {
    return app.menshen.request(options).then(({ statusCode, data }) => {
      if (statusCode >= 400) throw { reason: 'backend', action: 'retry' };
      return data;
    });
  },

  fail(error) {
    const { text, retry } = explain(error);
    this.setData({ loading: false, placing: false, problem: text, retry });
  },

  enter() {
    app.enter();
    return this.load();
  },
});
