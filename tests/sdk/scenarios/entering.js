'use strict';
// Logs in as `given.times` calls at once, with `given.fields`.

module.exports = async ({ menshen, given, caught }) => {
  const logins = Array.from({ length: given.times || 1 }, () => menshen.login(given.fields).catch(caught));
  return { logins: await Promise.all(logins) };
};
