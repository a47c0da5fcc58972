'use strict';
// Logs in, is checked, binds an account where one is given, logs out, and is checked again.

module.exports = async ({ menshen, Menshen, options, given, caught, wx }) => {
  const key = `menshen:${options.app}@${options.baseUrl}`;
  const before = await menshen.checkLogin();
  await menshen.login();
  const { state } = wx.getStorageSync(key);
  const during = await menshen.checkLogin();
  const elsewhere = new Menshen({ ...options, storageKey: 'another' });
  const apart = await elsewhere.checkLogin();
  const left = await menshen.logout({ all: given.all }).then(() => true, caught);
  const after = await menshen.checkLogin();
  wx.setStorageSync(key, { state, refresh: '' }); // what a thief of the state would have
  const within = Date.now() + 60000; // every worker knows it after a second, and a busy machine later
  let stolen = true;
  while (stolen && Date.now() < within) stolen = await menshen.checkLogin();
  return { before, during, apart, left, after, stolen };
};
