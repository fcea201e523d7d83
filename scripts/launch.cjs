// Starts Node with the arguments given, after saying clearly where this Node cannot run the project. Plain CommonJS on purpose: an old Node must be able to read it.
'use strict';
var needed = [24, 18, 1];
var found = process.versions.node.split('.').map(Number);
var older = found[0] < needed[0] || (found[0] === needed[0] && (found[1] < needed[1] || (found[1] === needed[1] && found[2] < needed[2])));
if (older) {
  console.error(
    'Portico needs Node ' +
      needed.join('.') +
      ' or newer, and this is ' +
      process.versions.node +
      ' on ' +
      process.platform +
      '-' +
      process.arch +
      '.\n' +
      'On Linux (x64, arm64) `npm install` brings the right Node along: run it without --omit=optional, and start through npm (`npm start`).\n' +
      'Elsewhere install Node 24 and try again.',
  );
  process.exit(3);
}
var child = require('node:child_process').spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit' });
['SIGINT', 'SIGTERM', 'SIGHUP'].forEach((signal) => {
  process.on(signal, () => {
    if (signal === 'SIGINT' && process.stdin.isTTY) return; // a terminal sends it to the child itself
    child.kill(signal);
  });
});
child.on('exit', (code, signal) => {
  process.exit(signal ? 128 + require('node:os').constants.signals[signal] : code);
});
