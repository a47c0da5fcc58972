'use strict';
// What a mini program pays for the SDK, and that old base libraries can read it.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

const dist = path.join(__dirname, '../miniprogram_dist');
const LIMIT = 8192; // bytes, minified

test('the main entry is below 8 KB', (t) => {
  const { size } = fs.statSync(path.join(dist, 'index.js'));
  t.diagnostic(`miniprogram_dist/index.js: ${size} of ${LIMIT} bytes`);
  assert.ok(size < LIMIT, `${size} bytes`);
});

test('nothing in it is younger than ES2018', () => {
  for (const name of fs.readdirSync(dist).filter((each) => each.endsWith('.js'))) {
    const code = fs.readFileSync(path.join(dist, name), 'utf8');
    // Texts and patterns hold question marks too; an operator stands between a name or bracket and a name.
    assert.doesNotMatch(code, /[\w)\]]\?\.[a-z([]/i, `${name}: optional chaining`);
    assert.doesNotMatch(code, /[\w)\]]\?\?[\w([]/, `${name}: nullish coalescing`);
    assert.doesNotMatch(code, /catch\{/, `${name}: catch without a binding`);
    assert.doesNotMatch(code, /\bglobalThis\b/, `${name}: globalThis`);
  }
});

test('the lock names no registry', () => {
  const lock = fs.readFileSync(path.join(__dirname, '../package-lock.json'), 'utf8');
  assert.doesNotMatch(lock, /"resolved"|https?:/);
});
