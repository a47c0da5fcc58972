'use strict';
// A page that fires `count` requests at once.

module.exports = async ({ menshen, given, caught }) => {
  const asked = Array.from({ length: given.count }, (_, at) =>
    menshen.request({ url: `${given.url}?n=${at}` }).then(
      ({ statusCode, data }) => ({ statusCode, path: data.path }),
      (error) => caught(error),
    ),
  );
  return { answers: await Promise.all(asked) };
};
