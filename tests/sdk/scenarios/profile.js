'use strict';
// Fills in a nickname and an avatar, and reads them.

const http = require('node:http');

const fetched = (url) =>
  new Promise((resolve, reject) => {
    http.get(url, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode, bytes: Buffer.concat(chunks).toString('base64') }));
    }).on('error', reject);
  });

module.exports = async ({ menshen, given, caught }) => {
  const changed = await menshen.updateProfile(given.change).catch((error) => ({ error: caught(error) }));
  if (changed.error) return { changed };
  return { changed, profile: await menshen.profile(), avatar: changed.avatar && (await fetched(changed.avatar)) };
};
