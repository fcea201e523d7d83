// What every official client must see: the clients take the same steps and print a line of JSON for each; here each line is checked.
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import type { Harness } from './harness.ts';

/** What a client printed of one step. */
type Step = Readonly<Record<string, unknown>>;
/** Runs the client: "scenario" or "missing", with what it has to know in its environment. */
export type RunClient = (what: 'scenario' | 'missing', env: Record<string, string>) => Promise<string>;

const traceId = /^[0-9a-f]{32}$/;

/** The scenario of one client, each step a test of its own. @param build makes the client, when there is a harness */
export function scenarioTests(client: string, harness: Harness, build: () => Promise<RunClient>): void {
  suite(client, () => {
    const steps = new Map<string, Step>();
    let run: RunClient;
    const env = { PORTICO_TARGET: harness.target, PORTICO_CA: harness.caFile, PORTICO_EXPIRED_TOKEN: harness.expiredToken };
    const keep = (output: string) => {
      for (const line of output.split('\n').filter((text) => text !== '')) {
        const step = JSON.parse(line) as Step;
        steps.set(String(step.step), step);
      }
    };
    const seen = (name: string): Step => {
      const step = steps.get(name);
      assert.ok(step, `the client printed no step "${name}"`);
      assert.equal(step.failed, undefined, `the step "${name}" failed: ${step.failed}`);
      return step;
    };
    before(async () => {
      run = await build();
      keep(await run('scenario', env));
    });

    test('signs in', () => {
      const { user_id, expires_in, tokens } = seen('sign_in');
      assert.deepEqual({ user_id, expires_in, tokens }, { user_id: 'alice', expires_in: 600, tokens: true });
    });
    test('reads a whole home screen composed from four services, in its language', () => {
      const home = seen('home');
      assert.equal(home.display_name, 'Alice Marlow');
      assert.equal(home.city, 'Leipzig');
      assert.ok(Number(home.orders) >= 2 && Number(home.couriers) >= 3);
      assert.ok((home.offers as string[]).includes('Regentarif'));
      assert.deepEqual(home.missing, []);
    });
    test('gets the trace id with an answer', async () => {
      const { trace_id } = seen('home');
      assert.match(String(trace_id), traceId);
      assert.equal((await harness.endOf(String(trace_id)))['rpc.status_code'], 'OK');
    });
    test('gets the second home screen from the cache', () => assert.equal(seen('home_again').cache, 'hit'));
    test('is told by an empty message that what it has still holds', () => {
      const { not_modified, empty } = seen('not_modified');
      assert.deepEqual({ not_modified, empty }, { not_modified: '1', empty: true });
    });
    test('gets the same successor for a repeated refresh', () => {
      const { same_successor, rotated } = seen('refresh');
      assert.deepEqual({ same_successor, rotated }, { same_successor: true, rotated: true });
    });
    test('reads the reason of an expired token, its domain, and what to tell a person', () => {
      const { code, reason, domain, for_people } = seen('token_expired');
      assert.deepEqual({ code, reason, domain }, { code: 16, reason: 'TOKEN_EXPIRED', domain: 'portico' });
      assert.equal(for_people, 'Deine Anmeldung ist abgelaufen.');
    });
    test('gets the trace id with an error', () => assert.match(String(seen('token_expired').trace_id), traceId));
    test('reads the reason of a missing token', () => assert.equal(seen('token_missing').reason, 'TOKEN_MISSING'));
    test('reads the reason of an unknown method', () => {
      const { code, reason } = seen('method_unknown');
      assert.deepEqual({ code, reason }, { code: 12, reason: 'METHOD_UNKNOWN' });
    });
    test('reads which field of a request is wrong', () => {
      const { code, reason, field, rule } = seen('request_invalid');
      assert.deepEqual({ code, reason, field, rule }, { code: 3, reason: 'REQUEST_INVALID', field: 'order_id', rule: 'STRING_PATTERN' });
    });
    test('reads a forwarded server stream to its end', () => {
      const { positions, ours, trace_id } = seen('track');
      assert.deepEqual({ positions, ours }, { positions: 2, ours: true });
      assert.match(String(trace_id), traceId);
    });
    test('sends a forwarded client stream', () => {
      const { accepted, distance_metres } = seen('report_positions');
      assert.equal(accepted, 3);
      assert.ok(Number(distance_metres) > 1_000);
    });
    test('talks over a forwarded bidirectional stream, message by message', () => {
      const { answers, ended } = seen('talk');
      assert.deepEqual({ answers, ended }, { answers: ['Understood.', 'On my way!'], ended: true });
    });
    test('has a stream ended by its deadline, up to the internal service', async () => {
      const { code, positions, trace_id } = seen('deadline');
      assert.equal(code, 4);
      assert.ok(Number(positions) >= 1);
      const end = await harness.endOf(String(trace_id));
      assert.ok(['DEADLINE_EXCEEDED', 'CANCELLED'].includes(end['rpc.status_code']), `${JSON.stringify(end)}`); // whichever side was first
      assert.notEqual(end.upstreams?.[0]?.code, 'OK');
    });
    test('cancels a stream, up to the internal service', async () => {
      const { code, positions, trace_id } = seen('cancel');
      assert.equal(code, 1);
      assert.ok(Number(positions) >= 1);
      const end = await harness.endOf(String(trace_id));
      assert.equal(end['rpc.status_code'], 'CANCELLED');
      assert.equal(end.upstreams?.[0]?.code, 'CANCELLED');
    });
    test('is refused by reason after signing out', () => {
      const { code, reason } = seen('sign_out');
      assert.deepEqual({ code, reason }, { code: 16, reason: 'SESSION_REVOKED' });
    });
    test('gets a home screen without a failing part, which is named with its reason', async () => {
      await harness.promotionsAre('failing');
      try {
        keep(await run('missing', env));
      } finally {
        await harness.promotionsAre('well');
      }
      const home = seen('missing');
      assert.equal(home.display_name, 'Bob Tanner');
      assert.equal(home.has_offers, false);
      assert.deepEqual(home.missing, [{ name: 'offers', reason: 'UPSTREAM_FAILED' }]);
    });
  });
}
