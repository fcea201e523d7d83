// Browsers have nothing of Node's: neither modules nor globals.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browserBundle } from '../support/client/browser-bundle.ts';

/** Globals of Node that no browser has. */
const globals = /(?<![.\w$])(?:Buffer|process|require|__dirname|global|setImmediate)\b(?!\s*:)/;

test('the client for browsers, and a service of the app, need nothing of Node', async () => {
  const lines = (await browserBundle('test/client/browser-entry.ts')).split('\n');
  const code = lines.filter((line) => !/^\s*(?:\/\/|\*|\/\*)/.test(line));
  assert.ok(code.length > 1_000);
  assert.deepEqual(
    code.filter((line) => globals.test(line) && !line.includes('typeof process')), // libraries ask whether there is one
    [],
  );
});

test('a module of Node is found', async () => {
  await assert.rejects(browserBundle('src/client/node-transport.ts'), /Could not resolve "(?:node:)?\w+"/);
});
