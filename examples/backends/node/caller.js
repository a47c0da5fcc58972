// Who calls: the claims of X-Menshen-Assertion. Rejects where nobody may be believed. Node.js 20 or newer.
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { MENSHEN_JWKS, MENSHEN_UPSTREAM } = process.env;
const keys = createRemoteJWKSet(new URL(MENSHEN_JWKS), { cacheMaxAge: 300_000, cooldownDuration: 5_000 });

export async function caller(request) {
  const { payload } = await jwtVerify(request.headers['x-menshen-assertion'], keys, {
    algorithms: ['ES256'],
    typ: 'JWT',
    issuer: 'menshen',
    requiredClaims: ['exp'],
    maxTokenAge: 300,
    clockTolerance: 30,
  });
  if (payload.aud !== MENSHEN_UPSTREAM || !payload.sub) throw new Error('no assertion for this backend');
  return payload;
}
