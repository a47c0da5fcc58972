'use strict';
// Binds a number whose data was encrypted with a newer session_key than the last login's.

module.exports = async ({ menshen, phone, caught }) => ({
  bound: await menshen.bindPhone(await phone.pressed.getPhoneNumber({ old: true })).catch((error) => ({ error: caught(error) })),
});
