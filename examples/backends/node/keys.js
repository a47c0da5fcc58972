// The gateway's public keys: kept for 300 s, for 900 s where no newer ones can be had; an unknown kid fetches, at most
// every 5 s.
'use strict';
const { createPublicKey } = require('node:crypto');

let keys = new Map();
let [fetched, tried, loading] = [-Infinity, -Infinity, null];

async function load(url) {
  tried = performance.now();
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(3000) });
  const published = (await answer.json()).keys.filter((key) => key.crv === 'P-256');
  keys = new Map(published.map((key) => [key.kid, createPublicKey({ key, format: 'jwk' })]));
  fetched = performance.now();
}

exports.keyOf = async (kid, url) => {
  const fits = keys.has(kid) && performance.now() - fetched < 300_000;
  if (!fits && !loading && performance.now() - tried > 5_000) {
    loading = load(url).catch(() => {}).finally(() => { loading = null; });
  }
  if (!fits) await loading;
  return performance.now() - fetched < 900_000 ? keys.get(kid) : undefined;
};
