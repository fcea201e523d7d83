// Starts the right Node with the arguments given: this one, or the one that `npm install` brought along; says clearly where there is none. Plain CommonJS on purpose: an old Node
// must be able to read it.
'use strict';
const { spawn } = require('node:child_process');
const { constants } = require('node:os');
const { delimiter, dirname, join } = require('node:path');

const needed = [24, 18, 1];

function isNewEnough(version) {
  const found = version.split('.').map(Number);
  const at = needed.findIndex((part, i) => part !== found[i]);
  return at === -1 || found[at] > needed[at];
}

// Not by node_modules/.bin: npm 9 takes the link away again with the package for the other processor.
function broughtAlong() {
  try {
    const file = require.resolve(`node-${process.platform}-${process.arch}/package.json`);
    return isNewEnough(require(file).version) ? join(dirname(file), 'bin', 'node') : undefined;
  } catch (_error) {
    return undefined; // it is not installed
  }
}

const node = isNewEnough(process.versions.node) ? process.execPath : broughtAlong();
if (node === undefined) {
  console.error(
    `Portico needs Node ${needed.join('.')} or newer, and this is ${process.versions.node} on ${process.platform}-${process.arch}.
On Linux (x64, arm64) \`npm install\` brings the right Node along: run it without --omit=optional.
Elsewhere install Node 24 and try again.`,
  );
  process.exit(3);
}
// Compiled code and stripped types are kept, so that the next start takes a quarter less. Node holds them against the sources, and does without where it may not write.
const cache = { NODE_COMPILE_CACHE: join(__dirname, '../node_modules/.cache/node') };
// What the child starts finds the same Node.
const env = { ...cache, ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
const child = spawn(node, process.argv.slice(2), { stdio: 'inherit', env });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal === 'SIGINT' && process.stdin.isTTY) return; // a terminal sends it to the child itself
    child.kill(signal);
  });
}
child.on('exit', (code, signal) => {
  process.exit(signal ? 128 + constants.signals[signal] : code);
});
