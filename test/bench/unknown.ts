// What fields cost that a request's proto does not have, against one field of as many bytes:
// docs/reference/benchmarks.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requestBounds } from '../../src/core/kit/request-complexity.ts';
import { globalSetup, globalTeardown } from '../support/global-setup.ts';
import { ask, clientHeaders } from './client.ts';
import type { Cores } from './harness.ts';
import { interleave, ratioOf } from './interleave.ts';
import { frameOf, needH2load, written } from './load.ts';
import { startPinned } from './process.ts';
import type { Result } from './result.ts';

const path = '/messages.v1.MessageService/Ship';
const { unknownFields } = requestBounds;
/** Of small fields, and of a whole unary request by the default of `request_bytes`. */
const sizes = { small: unknownFields * 3, large: 65_536 };

/** A length-delimited field; its head has five bytes. */
const field = (number: number, bytes: number) => {
  const head = [(number << 3) | 2 | 128, number >> 4, (bytes & 127) | 128, ((bytes >> 7) & 127) | 128, bytes >> 14];
  return Buffer.concat([Buffer.from(head), Buffer.alloc(bytes)]);
};
/** The field 99, a varint of a byte. */
const smallField = Buffer.from([0x98, 0x06, 0]);
const times = (count: number, bytes: Buffer) => Buffer.alloc(count * bytes.length, bytes);

const requests = {
  /** Shipment.raw. */
  one_small: field(19, sizes.small - 5),
  unknown_small: times(unknownFields, smallField),
  one_large: field(19, sizes.large - 5),
  unknown_large: times(unknownFields, field(99, sizes.large / unknownFields - 5)),
  /** Refused at the bound. */
  refused_large: times(Math.floor(sizes.large / smallField.length), smallField),
};
type Name = keyof typeof requests;

export async function unknown({ quick, cores }: { readonly quick: boolean; readonly cores: Cores }): Promise<Result> {
  needH2load();
  await globalSetup();
  await using closing = new AsyncDisposableStack();
  closing.defer(globalTeardown);
  const folder = mkdtempSync(join(tmpdir(), 'portico-bench-'));
  closing.defer(() => rmSync(folder, { recursive: true }));
  const server = await startPinned(join(import.meta.dirname, 'servers/shipping.ts'), { core: cores.server, env: { NODE_ENV: 'production' } });
  closing.defer(() => server.stop());
  const { url, ca, authorization } = server.ready as Readonly<Record<'url' | 'ca' | 'authorization', string>>;
  const headers = { ...clientHeaders, authorization };
  const contestants = Object.entries(requests).map(([name, request]) => {
    const body = frameOf(request);
    const bodyFile = written(join(folder, name), body);
    const isRefused = name.startsWith('refused');
    const check = async () => {
      const answer = await ask(Number(new URL(url).port), Buffer.from(ca), { path, headers, body });
      if (answer.headers['grpc-status'] !== (isRefused ? '3' : '0')) throw new Error(`${name} was answered ${answer.headers['grpc-status']}.`);
    };
    const load = { url: url + path, headers, bodyFile, answerBytes: isRefused ? 0 : 5 };
    return { name, server, load, calls: quick ? 100 : 1_000, check };
  });
  for (const { check } of contestants) await check();
  const rounds = quick ? 2 : 15;
  const speeds = await interleave(contestants, {
    rounds,
    loadCore: cores.load,
  });
  for (const { check } of contestants) await check();
  const cost = (name: Name, size: 'small' | 'large') => ratioOf(speeds[`one_${size}`], speeds[name]);
  const ratios = {
    unknown_small: cost('unknown_small', 'small'),
    unknown_large: cost('unknown_large', 'large'),
    refused_large: cost('refused_large', 'large'),
  };
  const wrong = Object.entries(speeds).flatMap(([name, { good, calls }]) => (good === calls ? [] : [`${name}: only ${good} of ${calls} were good`]));
  const medians = Object.fromEntries(Object.entries(ratios).map(([name, { median }]) => [name, median]));
  return {
    bench: 'unknown',
    ratios: { unknown_vs_one: Math.max(...Object.values(medians)), ...medians },
    promises: { unknown_vs_one: { most: 2 } },
    said: [
      ...Object.entries(speeds).map(([name, { callsPerCpuSecond }]) => `${name.padEnd(14)}${String(Math.round(callsPerCpuSecond)).padStart(7)}`),
      ...wrong.map((line) => `WRONG: ${line}`),
    ],
    raw: { speeds, quartiles: Object.fromEntries(Object.entries(ratios).map(([name, { quartiles }]) => [name, quartiles])), wrong },
  };
}
