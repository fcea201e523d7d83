// h2spec against the public port, TLS and plain HTTP/2: `npm run test:conformance`.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Metadata } from 'nice-grpc-common';
import type { Handler } from '../../src/core/ports/call.ts';
import { openFixture } from '../fixture/app.ts';
import { EchoResponse } from '../fixture/gen/fixture/v1/fixture.ts';
import { attempt } from '../support/programs/programs.ts';
import { openTestServer } from '../support/server/test-server.ts';
import { buildGoPrograms } from './builds.ts';
import type { Outcomes } from './deviations.ts';
import { hold } from './hold.ts';

/** The longest that one run may take. Milliseconds. */
const runMaxMs = 300_000;
const { program } = await buildGoPrograms();

/**
 * Answers later than the next frame of a client arrives. The stream of an answer that is whole is closed, where nghttp2
 * ignores frames that the suite wants refused (RFC 9113 5.1 allows both), so a quick answer would be a race.
 */
const answerMs = 300;
const echo = 'fixture.v1.ScreenService/Echo';
const path = `/${echo}?connect=v1&encoding=json&message=%7B%7D`;
const late: Handler = async () => {
  await new Promise((later) => setTimeout(later, answerMs));
  const body = EchoResponse.encode(EchoResponse.fromPartial({ text: 'a'.repeat(200) })).finish();
  return { metadata: Metadata(), body, trailers: Metadata() };
};
const open = (settings: Readonly<Record<string, unknown>>) => {
  const { app } = openFixture();
  const screens = app.screens.filter(({ method }) => method !== echo);
  return openTestServer({ app: { ...app, screens }, samples: { scripted: '127.0.0.1:1' }, handlers: { [echo]: late }, settings });
};

test('h2spec over TLS', async () => {
  await using server = await open({});
  hold(await runH2spec(server.url, ['--tls', '--insecure']), 'h2spec-tls.json');
});

test('h2spec over plain HTTP/2', async () => {
  await using server = await open({ 'public.plaintext': true });
  hold(await runH2spec(server.url, []), 'h2spec-plain.json');
});

async function runH2spec(url: string, more: readonly string[]): Promise<Outcomes> {
  const folder = mkdtempSync(join(tmpdir(), 'portico-h2spec-'));
  try {
    const report = join(folder, 'report.xml');
    const args = ['--host', 'localhost', '--port', new URL(url).port, '--path', path, '--strict', '--junit-report', report];
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
