'use strict';
// Builds miniprogram_dist: CommonJS without optional chaining and the like, for base libraries that know ES2018 only, and
// the declarations. `authing` requires `index` instead of holding it a second time.

const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const esbuild = require('esbuild');

const out = path.join(__dirname, 'miniprogram_dist');
// `module.exports` by hand: the names that esbuild would define on it cost 400 bytes.
const entries = {
  index: "import { Menshen, MenshenError, adapters } from './index'; _e({ Menshen, MenshenError, adapters });",
  authing: "import Authing = require('./authing'); _e(Authing);",
};

// Names of members that never leave the bundle: no option, no platform's object and no answer has one of them.
const INTERNAL =
  /^(?:gateway|owns|address|carrying|tried|settled|renew|entered|failure|kept|read|write|answer|refused|used|ask)$/;

fs.rmSync(out, { recursive: true, force: true });
for (const name of Object.keys(entries)) {
  esbuild.buildSync({
    stdin: { contents: entries[name], resolveDir: path.join(__dirname, 'src'), loader: 'ts' },
    outfile: path.join(out, `${name}.js`),
    bundle: true,
    minify: true,
    format: 'cjs',
    platform: 'neutral',
    target: 'es2018',
    charset: 'utf8',
    external: name === 'index' ? [] : ['./index'],
    mangleProps: INTERNAL,
    legalComments: 'none',
    banner: { js: 'var _e=e=>{module.exports=e};' },
  });
}
const compiled = spawnSync(
  process.execPath,
  [require.resolve('typescript/bin/tsc'), '-p', __dirname, '--emitDeclarationOnly'],
  { stdio: 'inherit' },
);
if (compiled.status !== 0) process.exit(1);
// Of which source this is the build: tests that need it refuse another one's.
const source = crypto.createHash('sha256');
for (const file of fs.readdirSync(path.join(__dirname, 'src'), { recursive: true }).sort()) {
  if (file.endsWith('.ts')) source.update(fs.readFileSync(path.join(__dirname, 'src', file)));
}
fs.writeFileSync(path.join(out, 'source.sha256'), source.digest('hex'));
for (const name of Object.keys(entries)) {
  console.log(`miniprogram_dist/${name}.js ${fs.statSync(path.join(out, `${name}.js`)).size} bytes`);
}
