'use strict';
// Binds the phone's number, or logs in by it (`given.how`), the new way or the old.

module.exports = async ({ menshen, phone, wx, options, given, caught }) => {
  const key = `menshen:${options.app}@${options.baseUrl}`;
  if (given.how === 'bindPhone') await menshen.login();
  const before = (wx.getStorageSync(key) || {}).state;
  // In the old way, the number hangs on the session_key of the last login. Who logs in by it needs the new one to be told.
  const detail = given.denied ? { errMsg: 'getPhoneNumber:fail user deny' } : await phone.pressed.getPhoneNumber({ old: given.old });
  const bound = await menshen[given.how](detail).catch((error) => ({ error: caught(error) }));
  if (bound.error) return { bound };
  return { bound, before, profile: await menshen.profile() };
};
