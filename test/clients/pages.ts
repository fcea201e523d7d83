// The first calls that our pages show, by curl, grpcurl and buf: run as they stand there, against this harness instead of the usual port.
import assert from 'node:assert/strict';
import { delimiter, join } from 'node:path';
import { before, suite, test } from 'node:test';
import { blocksOf } from '../support/client/page.ts';
import { needed, run } from '../support/programs/programs.ts';
import { buildGo } from './builds.ts';
import type { Harness } from './harness.ts';
import { root } from './script.ts';

const pages = ['README.md', 'docs/mobile/first-call.md'];
/** How pages name the harness. */
const usualTarget = 'localhost:8443';
const usualCa = '.portico/tls/ca.pem';

export function pageTests(harness: Harness): void {
  suite('the first calls on our pages', () => {
    let path: string;
    before(async () => {
      needed('curl', 'apt-get install -y curl');
      path = [await buildGo(), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter); // grpcurl, buf
    });
    for (const page of pages) {
      test(`${page}: every call works as it stands`, async () => {
        const blocks = blocksOf(join(root, page)).filter(({ language, text }) => language === 'sh' && text.includes(usualTarget));
        const script = blocks.map(({ text }) => text).join('\n');
        for (const program of [/^curl /m, /^grpcurl /m]) assert.match(script, program);
        const here = script.replaceAll(usualTarget, harness.target).replaceAll(usualCa, harness.caFile);
        const output = await run('bash', ['-euo', 'pipefail', '-c', here], { env: { PATH: path } });
        const count = (text: string, what: RegExp) => text.match(what)?.length ?? 0;
        assert.equal(count(output, /Alice Marlow/g), count(script, /HomeService\/GetHome/g));
      });
    }
  });
}
