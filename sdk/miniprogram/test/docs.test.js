'use strict';
// The reference, in both languages, names everything that a mini program can use.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

globalThis.wx = { getStorageSync: () => '', setStorageSync: () => {} };
const { Menshen, MenshenError, adapters } = require('../miniprogram_dist/index.js');
const Authing = require('../miniprogram_dist/authing.js');

const source = (name) => fs.readFileSync(path.join(__dirname, '../src', name), 'utf8');
const pages = ['sdk.md', 'sdk.zh-CN.md'].map((name) => [
  name,
  fs.readFileSync(path.join(__dirname, '../../../docs/reference', name), 'utf8'),
]);

/** Members of an interface or class body in the source; nested ones are not. */
function members(file, name) {
  const body = new RegExp(`(?:interface|class) ${name}\\b[^{]*\\{([\\s\\S]*?)\\n\\}`).exec(source(file))[1];
  return [...body.matchAll(/^ {2}(?:readonly |async )?(\w+)\??[(:<]/gm)].map((match) => match[1]);
}

const reasons = ['error.ts', 'phone.ts', 'authing.ts'].flatMap((file) =>
  [...source(file).matchAll(/(?:MenshenError|failed)\(\s*'(\w+)'/g)].map((match) => match[1]),
);
const methods = (constructor, internal = []) =>
  Object.getOwnPropertyNames(constructor.prototype).filter((name) => name !== 'constructor' && !internal.includes(name));

const named = {
  methods: methods(Menshen),
  options: members('options.ts', 'MenshenOptions'),
  'options of a business login': members('options.ts', 'BusinessLogin'),
  'fields of a login': members('menshen.ts', 'LoginFields'),
  'fields of the result': members('gateway.ts', 'Login'),
  'fields of a change': members('profile.ts', 'ProfileChange'),
  'fields of an error': Object.keys(new MenshenError('r', 'm', 'none')).filter((name) => name !== 'name'),
  'members of an adapter': members('platform.ts', 'Adapter'),
  adapters: Object.keys(adapters),
  reasons,
  'methods of Authing': methods(Authing, ['with', 'token', 'told']),
  'options of Authing': members('authing.ts', 'Options'),
};

for (const [what, names] of Object.entries(named)) {
  test(`the reference has all ${what}`, () => {
    assert.ok(names.length > 1, `${names}`);
    for (const [page, text] of pages) {
      for (const name of names) assert.match(text, new RegExp(`\`[^\`]*\\b${name}\\b[^\`]*\``), `${name} in ${page}`);
    }
  });
}

test('the two languages have the same tables', () => {
  const rows = pages.map(([, text]) => [...text.matchAll(/^\| (`[^|]*?`) /gm)].map((match) => match[1].replace(/[、,]\s*/g, ', ')));
  assert.deepEqual(rows[0], rows[1]);
});
