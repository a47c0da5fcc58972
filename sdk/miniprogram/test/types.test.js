'use strict';
// The declarations are complete: a mini program's code compiles against them, strictly, and without WeChat's types.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const test = require('node:test');

test('a mini program in TypeScript compiles against the declarations alone', () => {
  const compiled = spawnSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', __dirname], { encoding: 'utf8' });
  assert.equal(compiled.status, 0, compiled.stdout);
});
