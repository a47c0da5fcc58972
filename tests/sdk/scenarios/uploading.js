'use strict';
module.exports = async ({ menshen, given, caught }) => {
  const answer = await menshen
    .upload({ url: given.url, filePath: given.file, name: 'picture', formData: { note: '附言' } })
    .catch((error) => ({ error: caught(error) }));
  return { answer };
};
