const { Menshen, adapters } = require('menshen-miniprogram');
const config = require('./config.js');
const emulated = require('./emulated.js');

const LEFT = 'left';

App({
  onLaunch() {
    this.menshen = new Menshen({
      baseUrl: config.gateway,
      app: config.app,
      adapter: Object.assign(adapters.wx(), emulated.inUse ? { code: emulated.code } : {}),
    });
    // Who has logged out is not logged in again behind his back.
    this.left = wx.getStorageSync(LEFT) === true;
    // Pages that need to know how it went ask themselves.
    this.user().catch(() => {});
  },

  // Who it is: {uid, nickname, avatar, phone, …}. Logs in first where that has not happened yet.
  user() {
    return this.left ? Promise.reject({ reason: 'left', action: 'none' }) : this.menshen.profile();
  },

  enter() {
    this.left = false;
    wx.removeStorageSync(LEFT);
  },

  leave() {
    this.left = true;
    wx.setStorageSync(LEFT, true);
    // On this phone it is over even where the gateway could not be told.
    return this.menshen.logout().catch(() => {});
  },
});
