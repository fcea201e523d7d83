// Sends what is nearly right to a server, and has its upstream answer what is nearly right, for a time; says what went
// wrong, and by which seed it does so again.
import type { ClientHttp2Session } from 'node:http2';
import { join, resolve } from 'node:path';
import { openWire } from '../support/client/wire.ts';
import { startProcess } from '../support/server/process.ts';
import { framed } from '../support/upstream/raw-upstream.ts';
import { type Case, caseOf } from './cases.ts';
import { chanceOf, seedOf } from './chance.ts';
import { rawHttp1Bytes, rawHttp2Bytes, sendRaw } from './raw.ts';
import { type Sent, sendHttp1, sendHttp2, type Where } from './send.ts';
import { openFuzzedUpstream } from './upstream.ts';
import { assertWellFormed } from './well-formed.ts';

const root = resolve(import.meta.dirname, '../..');

export type FuzzOptions = {
  readonly seed: number;
  readonly seconds: number;
  /** At least so many rounds, however long a busy machine takes for them. */
  readonly roundsMin?: number;
  /** Only this round. */
  readonly round?: number;
};
export type FuzzResult = {
  /** Each with the round it was found in. */
  readonly findings: readonly string[];
  readonly rounds: number;
  readonly cases: number;
  /** How often each status was answered; `none` and the like where there was none to be. */
  readonly statuses: ReadonlyMap<string, number>;
  /** Bytes after garbage collection: after a fifth of the time, and at its end. */
  readonly rssBytes: readonly [early: number, late: number];
};

/** Cases of one round, on one connection of HTTP/2 and some of HTTP/1.1, at once. */
const atOnce = 8;
/** After this many findings a run ends: they are seldom of many kinds. */
const findingsMax = 20;
const controlMs = 5_000;

export async function fuzz({ seed, seconds, roundsMin = 0, round: only }: FuzzOptions): Promise<FuzzResult> {
  await using upstream = await openFuzzedUpstream();
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PORTICO_|OTEL_|NODE_TEST)/.test(name)));
  const child = startProcess(process.execPath, ['--expose-gc', join(root, 'test/fuzz/server.ts'), upstream.address], { cwd: root, env });
  let over = false;
  void child.ended.then(() => {
    over = true;
  });
  const findings: string[] = [];
  const statuses = new Map<string, number>();
  const memory = async () => {
    child.say('memory');
    return Number(await child.line(/^memory (\d+)$/));
  };
  const { authorization, ...where } = JSON.parse(await child.line(/^ready (.*)$/)) as Where & { readonly authorization: string };
  let early = 0;
  let [rounds, cases, said] = [0, 0, 0];
  const endMs = performance.now() + seconds * 1_000;
  const found = (round: number, what: string) => findings.push(`--seed ${seed} --round ${round}: ${what}`);

  for (let round = only ?? 0; (performance.now() < endMs || rounds < roundsMin) && findings.length < findingsMax && !over; round++) {
    const chance = chanceOf(seedOf(seed, round));
    const wrongUpstream = round % 3 === 2;
    upstream.wrongBy(wrongUpstream ? chanceOf(seedOf(seed, -round)) : undefined);
    const list = Array.from({ length: atOnce }, () => caseOf(chance, authorization));
    const raw: readonly [alpn: 'h2' | 'http/1.1', bytes: Buffer] = chance.often(0.5)
      ? ['h2', rawHttp2Bytes(chance)]
      : ['http/1.1', rawHttp1Bytes(chance)];
    await using wire = await openWire(where);
    const sent = list.map((one) =>
      one.version === 'h1' ? sendHttp1(where, one) : breaks(one) ? sendAlone(where, one) : sendHttp2(wire.session, one),
    );
    const rawSent = sendRaw(where, raw[0], chance.pieces(raw[1]));
    for (const [i, outcome] of (await Promise.all(sent)).entries()) {
      const one = list[i] as Case;
      const { status, wrong } = judged(one, outcome, wrongUpstream && one.path.startsWith('/fixture.v1.ForwardService/'));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (wrong !== undefined) found(round, `${wrong}\n${shown(await shrunk(one, wrong, where))}`);
    }
    if (!(await rawSent)) found(round, `a connection hangs after ${raw[0]} bytes ${raw[1].toString('base64')}`);
    upstream.wrongBy(undefined);
    const control = await controlled(wire.session, where, authorization);
    if (control !== undefined) found(round, control);
    const defects =
      child
        .output()
        .slice(said)
        .match(/^.*\bdefect\b.*$/gm) ?? [];
    said = child.output().length;
    if (defects.length > 0) found(round, `the server logged a defect: ${defects[0]}`);
    rounds++;
    cases += atOnce + 1;
    if (only !== undefined) break;
    if (early === 0 && performance.now() > endMs - seconds * 800) early = await memory();
  }
  if (over) findings.push(`The server died after round ${rounds} of --seed ${seed}:\n${child.output().slice(-4_000)}`);
  const late = over ? early : await memory();
  await child.stop();
  return { findings, rounds, cases, statuses, rssBytes: [early, late] };
}

/**
 * A length that is not that of the body may end the connection (RFC 9113, 8.1.1 and 5.4.2): such a case has one of its
 * own.
 */
const breaks = ({ headers }: Case) => headers.some(([name]) => name === 'content-length');

async function sendAlone(where: Where, one: Case): Promise<Sent> {
  await using wire = await openWire(where);
  return sendHttp2(wire.session, one);
}

/** What an outcome is, and what is wrong with it. */
function judged(one: Case, outcome: Sent, foreign = false): { readonly status: string; readonly wrong?: string } {
  if (typeof outcome === 'string') {
    if (outcome === 'hangs') return { status: outcome, wrong: 'the call hangs' };
    return outcome === 'none' && one.form !== undefined ? { status: outcome, wrong: 'the call ended without a status' } : { status: outcome };
  }
  if (one.form === undefined) return { status: `HTTP ${outcome.headers[':status']}` };
  try {
    return { status: `${one.form} ${assertWellFormed(one.form, outcome, foreign ? 'foreign' : 'own')}` };
  } catch (error) {
    const reply = `${JSON.stringify(outcome.headers)} ${JSON.stringify(outcome.trailers)} ${outcome.body.subarray(0, 300).toString('latin1')}`;
    return { status: 'malformed', wrong: `${(error as Error).message.split('\n').slice(0, 6).join('\n')}\nreply: ${reply}` };
  }
}

/** Takes parts of a case away for as long as the same goes wrong with an upstream that answers as it should. */
async function shrunk(one: Case, wrong: string, where: Where): Promise<Case> {
  const kindOf = (text: string | undefined) => text?.split('\nreply: ')[0];
  const again = async (candidate: Case) => {
    if (candidate.version === 'h1') return judged(candidate, await sendHttp1(where, candidate)).wrong;
    return judged(candidate, await sendAlone(where, candidate)).wrong;
  };
  let smallest = one;
  const whole = { ...one, pieces: [Buffer.concat(one.pieces)] };
  if (kindOf(await again(whole)) === kindOf(wrong)) smallest = whole;
  for (let i = smallest.headers.length - 1; i >= 0; i--) {
    if (smallest.headers[i]?.[0] === 'content-type') continue; // the form is that of it
    const candidate = { ...smallest, headers: smallest.headers.toSpliced(i, 1) };
    if (kindOf(await again(candidate)) === kindOf(wrong)) smallest = candidate;
  }
  return smallest;
}

function shown({ version, method, path, headers, pieces, end }: Case): string {
  const fields = headers.map(([name, value]) => `${name}: ${/^Bearer eyJ/.test(value) ? 'Bearer (alice)' : value}`);
  return `${version} ${method} ${path} (${end})\n  ${fields.join('\n  ')}\n  ${pieces.map((piece) => piece.toString('base64')).join(' | ')}`;
}

/**
 * Others are served all the while: on the connection that was misused, unless it was closed, and on one of their own.
 * @returns what is wrong
 */
async function controlled(misused: ClientHttp2Session, where: Where, authorization: string): Promise<string | undefined> {
  const call: Case = {
    version: 'h2',
    method: 'POST',
    path: '/fixture.v1.ScreenService/Echo',
    headers: [
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
      ['authorization', authorization],
    ],
    pieces: [framed(Buffer.from([0x0a, 1, 0x61]))],
    end: 'end',
    form: 'grpc',
  };
  await using own = await openWire(where);
  for (const [name, session] of [
    ['its own', own.session],
    ['the misused', misused],
  ] as const) {
    if (session.destroyed || session.closed) continue;
    const startMs = performance.now();
    const { status, wrong } = judged(call, await sendHttp2(session, call));
    if (status !== 'grpc 0') return `a control call on ${name} connection ended with ${status}: ${wrong ?? ''}`;
    if (performance.now() - startMs > controlMs) return `a control call on ${name} connection took ${Math.round(performance.now() - startMs)} ms`;
  }
  return undefined;
}
