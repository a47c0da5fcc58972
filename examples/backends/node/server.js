// A backend: GET anything, and it says who called. MENSHEN_JWKS, MENSHEN_UPSTREAM, PORT.
import { createServer } from 'node:http';
import { caller } from './caller.js';

createServer(async (request, response) => {
  const user = await caller(request).catch(() => null);
  response.writeHead(user ? 200 : 403, { 'content-type': 'application/json' });
  response.end(JSON.stringify(user ? { uid: user.sub } : { reason: 'assertion_invalid' }));
}).listen(process.env.PORT ?? '9001', '127.0.0.1', function ready() {
  console.log(`ready http://127.0.0.1:${this.address().port}`);
});
