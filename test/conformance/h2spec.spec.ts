// h2spec against the public port, TLS and plain HTTP/2: `npm run test:conformance`.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { attempt } from '../support/programs/programs.ts';
import { openFixtureServer } from '../support/server/fixture-server.ts';
import { buildGoPrograms } from './builds.ts';
import type { Outcomes } from './deviations.ts';
import { hold } from './hold.ts';

/** The longest that one run may take. Milliseconds. */
const runMaxMs = 300_000;
const { program } = await buildGoPrograms();

test('h2spec over TLS', async () => {
  await using server = await openFixtureServer();
  hold(await runH2spec(server.url, ['--tls', '--insecure']), 'h2spec-tls.json');
});

test('h2spec over plain HTTP/2', async () => {
  await using server = await openFixtureServer({ settings: { 'public.plaintext': true } });
  hold(await runH2spec(server.url, []), 'h2spec-plain.json');
});

async function runH2spec(url: string, more: readonly string[]): Promise<Outcomes> {
  const folder = mkdtempSync(join(tmpdir(), 'portico-h2spec-'));
  try {
    const report = join(folder, 'report.xml');
    const args = ['--host', 'localhost', '--port', new URL(url).port, '--path', '/.well-known/jwks.json', '--strict', '--junit-report', report];
    const { stdout, stderr } = await attempt(program('h2spec'), [...args, ...more], { mostMs: runMaxMs });
    const outcomes = outcomesOf(readFileSync(report, 'utf8'));
    if (outcomes.size === 0) throw new Error(`h2spec ran no case:\n${stdout}${stderr}`);
    return outcomes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param report in JUnit's form: a case is named by its section and its sentence */
function outcomesOf(report: string): Outcomes {
  const outcomes = new Map<string, readonly string[]>();
  for (const [, attributes = '', body = ''] of report.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)) {
    const [section, sentence] = [/package="([^"]*)"/.exec(attributes)?.[1], /classname="([^"]*)"/.exec(attributes)?.[1]];
    const failure = /<(?:failure|error)[^>]*>(.*?)<\/(?:failure|error)>/s.exec(body)?.[1];
    outcomes.set(`${section}: ${sentence}`, failure === undefined ? [] : [failure.trim()]);
  }
  return outcomes;
}
