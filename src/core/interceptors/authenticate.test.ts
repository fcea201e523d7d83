import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api';
import { Metadata } from 'nice-grpc-common';
import { Fault } from '../kit/fault.ts';
import type { Soon } from '../kit/soon.ts';
import type { Answer, Call, Traced } from '../ports/call.ts';
import type { VerifiedToken } from '../ports/tokens.ts';
import { authenticate } from './authenticate.ts';

const verifiedBy = (token: string): Soon<VerifiedToken> => {
  if (token === 'old') throw new Fault('TOKEN_EXPIRED', 'Expired.');
  if (token === 'unknown') return Promise.reject(new Fault('TOKEN_INVALID', 'Unknown.'));
  return { caller: { kind: 'user', userId: 'ada', scopes: new Set() } } as unknown as VerifiedToken;
};

test('a call without permission is refused without a throw, and counted by its reason', async () => {
  let observe: ((result: ObservableResult) => void) | undefined;
  const addCallback = (callback: typeof observe) => {
    observe = callback;
  };
  const meter = { createObservableCounter: () => ({ addCallback }) } as unknown as Meter;
  const authenticated = authenticate({ verify: verifiedBy, openLifetime: () => assert.fail(), services: new Map(), meter });
  const reasonOf = async (authorization: string | undefined) => {
    const metadata = Metadata(authorization === undefined ? {} : { authorization });
    const plan = { access: { kind: 'user', scopes: ['home.read'] }, kind: 'unary' };
    const { refused } = await authenticated({ metadata, plan } as unknown as Call & Traced, (): Answer => assert.fail('it was passed on'));
    return refused instanceof Fault ? refused.reason : undefined;
  };

  const found: unknown[] = [];
  for (const header of [undefined, 'Basic x', 'Bearer old', 'Bearer unknown', 'Bearer new', undefined]) found.push(await reasonOf(header));
  assert.deepEqual(found, ['TOKEN_MISSING', 'TOKEN_INVALID', 'TOKEN_EXPIRED', 'TOKEN_INVALID', 'SCOPE_MISSING', 'TOKEN_MISSING']);

  const counts = new Map<unknown, number>();
  observe?.({ observe: (value: number, attributes?: Attributes) => counts.set(attributes?.reason, value) } as ObservableResult);
  assert.deepEqual(Object.fromEntries(counts), { TOKEN_MISSING: 2, TOKEN_INVALID: 2, TOKEN_EXPIRED: 1, SCOPE_MISSING: 1 });
});
