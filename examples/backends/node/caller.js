// Who calls: the claims of X-Menshen-Assertion, or null. Node.js 18 or newer, no package.
'use strict';
const { verify } = require('node:crypto');
const { keyOf } = require('./keys.js');

exports.caller = async (assertion, upstream, url) => {
  try {
    const parts = /^([\w-]{1,512})\.([\w-]{1,8000})\.([\w-]{85}[AQgw])$/.exec(assertion).slice(1);
    const [head, body, signature] = parts.map((part) => Buffer.from(part, 'base64url'));
    const { alg, typ, kid, ...more } = JSON.parse(head);
    if (alg !== 'ES256' || typ !== 'JWT' || typeof kid !== 'string' || Object.keys(more).length) return null;
    const key = { key: await keyOf(kid, url), dsaEncoding: 'ieee-p1363' };
    if (!verify('sha256', Buffer.from(`${parts[0]}.${parts[1]}`), key, signature)) return null;
    const claims = JSON.parse(body);
    const now = Date.now() / 1000;
    const ours = claims.iss === 'menshen' && claims.aud === upstream && claims.sub;
    return ours && claims.iat <= now + 30 && now < claims.exp + 30 ? claims : null;
  } catch {
    return null; // not an assertion, or no key: nobody may be believed
  }
};
