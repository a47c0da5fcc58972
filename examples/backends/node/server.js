// A backend: GET anything, and it says who called. MENSHEN_JWKS, MENSHEN_UPSTREAM, PORT.
'use strict';
const { createServer } = require('node:http');
const { caller } = require('./caller.js');

const { MENSHEN_JWKS, MENSHEN_UPSTREAM, PORT = '9001' } = process.env;

createServer(async (request, response) => {
  const user = await caller(request.headers['x-menshen-assertion'], MENSHEN_UPSTREAM, MENSHEN_JWKS);
  response.writeHead(user ? 200 : 403, { 'content-type': 'application/json' });
  response.end(JSON.stringify(user ? { uid: user.sub } : { reason: 'assertion_invalid' }));
}).listen(PORT, '127.0.0.1', function ready() {
  console.log(`ready http://127.0.0.1:${this.address().port}`);
});
