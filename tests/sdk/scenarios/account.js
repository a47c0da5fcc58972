'use strict';
// Binds an account of the business.

module.exports = async ({ menshen, given, caught }) => {
  const bound = await menshen.bindAccount(given.account).catch((error) => ({ error: caught(error) }));
  return { bound, ...(!bound.error && { profile: await menshen.profile() }) };
};
