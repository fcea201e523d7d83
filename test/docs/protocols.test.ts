import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/reference/protocols.md'), 'utf8');
const source = (name: string) => readFileSync(join(root, 'src', name), 'utf8');

test('the limits of a connection stand on the page as they stand in the code', () => {
  const limits: readonly (readonly [file: string, code: RegExp, row: RegExp])[] = [
    ['transport/http/http2-limits.ts', /maxConcurrentStreams: (\S+?),/, /streams at once \| (\S+) /],
    ['transport/http/http2-limits.ts', /maxHeaderListSize: (\S+?),/, /header list \| (\S+) /],
    ['transport/http/http2-limits.ts', /maxHeaderListPairs: (\S+?),/, /headers of one call \| (\S+) /],
    ['transport/http/http2-limits.ts', /maxSessionMemory: (\S+?),/, /HTTP\/2 session \| (\S+) MB/],
    ['transport/http/http2-limits.ts', /streamResetBurst: (\S+?),/, /resets of streams \| (\S+) at once/],
    ['transport/http/http2-limits.ts', /streamResetRate: (\S+?),/, /at once, (\S+) a second/],
    ['transport/incoming-metadata.ts', /valueBytesMax = (\S+?);/, /one piece of metadata \| (\S+) bytes/],
    ['transport/incoming-metadata.ts', /credentialBytesMax = (\S+) \+/, /an access token \| (\S+) bytes/],
    ['core/policy/request-size-limits.ts', /unaryRequestBytes = (\S+?);/, /a request message \| .*? by default (\S+) bytes for unary/],
    ['core/policy/request-size-limits.ts', /streamRequestBytes = (\S+?);/, /unary methods, (\S+) for streams/],
    ['core/kit/request-complexity.ts', /fields: (\d\S+?),/, /fields of a request message and those within it, forwarded or not \| (\S+?), of them/],
    ['core/kit/request-complexity.ts', /unknownFields: (\d\S+?),/, /of them (\S+) that its proto/],
    ['core/kit/request-complexity.ts', /depth: (\d+)/, /levels of messages within messages \| (\S+) /],
    ['transport/http/http2-limits.ts', /runningMax = (\S+?);/, /calls that run at once on an HTTP\/2 connection \| (\S+) /],
    ['transport/stream-sink.ts', /waitingBytesMax = (\S+?);/, /does not read a stream \| (\S+) /],
  ];
  for (const [file, code, row] of limits) {
    const said = row.exec(page)?.[1]?.replaceAll(',', '');
    assert.equal(said, code.exec(source(file))?.[1]?.replaceAll('_', ''), String(row));
  }
});

test('the page names each key of metadata that answers are given', () => {
  const core = join(root, 'src/core');
  const code = readdirSync(core, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(core, file), 'utf8'))
    .join('\n');
  const given = new Set(
    [...code.matchAll(/\.set\('(portico-[a-z-]+|etag|cache-control)'|\[\['(portico-[a-z-]+)'/g)].map(([, one, other]) => one ?? other ?? ''),
  );
  const section = page.split('## Metadata that a client gets')[1]?.split('\n## ')[0] ?? '';
  assert.ok(given.has('portico-cache') && given.has('etag'), [...given].join());
  for (const key of given) assert.ok(section.includes(`\`${key}\``), key);
});
