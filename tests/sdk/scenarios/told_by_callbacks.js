'use strict';
// The same request with callbacks: one that succeeds and one that fails.

const heard = (menshen, options) =>
  new Promise((resolve) => {
    const calls = [];
    const given = menshen.request({
      ...options,
      success: ({ statusCode }) => calls.push(['success', statusCode]),
      fail: (error) => calls.push(['fail', error.reason]),
      complete: () => {
        calls.push(['complete']);
        resolve({ calls, given: given === undefined });
      },
    });
  });

module.exports = async ({ menshen, given }) => ({
  good: await heard(menshen, { url: given.good }),
  bad: await heard(menshen, { url: given.bad }),
});
