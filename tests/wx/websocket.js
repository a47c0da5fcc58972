'use strict';
// A WebSocket client (RFC 6455) whose handshake carries headers, which a browser's cannot: text frames below 64 KiB, as
// they come in one piece.

const crypto = require('node:crypto');
const http = require('node:http');

const TEXT = 1;
const CLOSE = 8;

// What a client sends is masked.
function frame(opcode, payload) {
  const mask = crypto.randomBytes(4);
  const long = payload.length > 125;
  const head = Buffer.alloc(long ? 4 : 2);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (long ? 126 : payload.length);
  if (long) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ mask[at % 4])]);
}

// The frames that are whole in what has arrived, and the rest.
function frames(arrived) {
  const whole = [];
  for (;;) {
    if (arrived.length < 2) break;
    const long = (arrived[1] & 0x7f) === 126;
    const start = long ? 4 : 2;
    if (arrived.length < start) break;
    const length = long ? arrived.readUInt16BE(2) : arrived[1] & 0x7f;
    if (arrived.length < start + length) break;
    whole.push({ opcode: arrived[0] & 0x0f, payload: arrived.subarray(start, start + length) });
    arrived = arrived.subarray(start + length);
  }
  return { whole, rest: arrived };
}

function connect({ url, header = {}, protocols = [] }) {
  const target = new EventTarget();
  const tell = (name, more = {}) => target.dispatchEvent(Object.assign(new Event(name), more));
  let socket;
  const request = http.request(url.replace(/^ws/, 'http'), {
    headers: {
      ...header,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': crypto.randomBytes(16).toString('base64'),
      ...(protocols.length && { 'sec-websocket-protocol': protocols.join(', ') }),
    },
  });
  request.on('error', ({ message }) => tell('error', { message }));
  request.on('response', (response) => {
    response.resume();
    tell('error', { message: `Invalid HTTP status ${response.statusCode}` });
  });
  request.on('upgrade', (_, upgraded, head) => {
    socket = upgraded;
    let arrived = Buffer.alloc(0);
    const more = (chunk) => {
      const { whole, rest } = frames(Buffer.concat([arrived, chunk]));
      arrived = rest;
      for (const { opcode, payload } of whole) {
        if (opcode === TEXT) tell('message', { data: payload.toString('utf8') });
        if (opcode === CLOSE) socket.end();
      }
    };
    socket.on('data', more);
    socket.on('error', () => {});
    socket.on('close', () => tell('close', { code: 1000, reason: '' }));
    tell('open');
    more(head);
  });
  request.end();
  return {
    addEventListener: (name, listener) => target.addEventListener(name, listener),
    send: (text) => socket.write(frame(TEXT, Buffer.from(text))),
    close: () => (socket ? socket.end(frame(CLOSE, Buffer.alloc(0))) : request.destroy()),
  };
}

module.exports = { connect };
