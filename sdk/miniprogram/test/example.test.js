'use strict';
// examples/miniprogram opens without npm: the SDK is in it as DevTools' "build npm" would put it there.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

test('the example has the SDK as it is built', () => {
  const built = fs.readFileSync(path.join(__dirname, '../miniprogram_dist/index.js'));
  const shipped = path.join(__dirname, '../../../examples/miniprogram/miniprogram_npm/menshen-miniprogram/index.js');
  assert.ok(fs.readFileSync(shipped).equals(built), 'it is another build: npm run example');
});
