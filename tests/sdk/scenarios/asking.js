'use strict';
// The requests of `given.asked`, one after the other: each is the options of request(), and what came is kept by number.

module.exports = async ({ menshen, wx, options, given, caught }) => {
  const key = `menshen:${options.app}@${options.baseUrl}`;
  const answers = [];
  for (const asked of given.asked) {
    const answer = await menshen.request(asked).then(
      ({ statusCode, data, header }) => ({ statusCode, data, code: header['x-menshen-code'] || '' }),
      (error) => ({ error: caught(error) }),
    );
    answers.push({ ...answer, state: (wx.getStorageSync(key) || {}).state || '' });
  }
  return { answers };
};
