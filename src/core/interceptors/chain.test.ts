import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata } from 'nice-grpc-common';
import type { Answer, Call, Interceptor } from '../ports/call.ts';
import { type Interceptors, steps } from './chain.ts';

/** Interceptors of the chain's types that only pass the call on. */
const passing = (): Interceptor<unknown, unknown> => ((call: Call, next: (call: Call) => unknown) => next(call)) as never;
const { trace, errors, deadline, draining, authenticate, validate, invalidate, cache } = Object.fromEntries(
  ['trace', 'errors', 'deadline', 'draining', 'authenticate', 'validate', 'invalidate', 'cache'].map((name) => [name, passing()]),
) as unknown as Interceptors;
const answer: Answer = { metadata: Metadata(), body: new Uint8Array(), trailers: Metadata() };

test('the order of the chain compiles', () => {
  const chain = steps().through(trace).through(errors).through(deadline).through(draining).through(authenticate).through(validate);
  assert.equal(chain.through(cache).to(() => answer)({} as Call), answer);
  const knowing = chain
    .through(invalidate)
    .to(({ caller, decoded, trace: { traceId } }) => ({ ...answer, tags: [`${caller?.kind} ${decoded} ${traceId}`] }));
  assert.ok(knowing);
});

test('a wrong order does not compile', () => {
  // @ts-expect-error errors needs the trace id
  steps().through(errors);
  // @ts-expect-error authentication writes to the trace
  steps().through(deadline).through(authenticate);
  // @ts-expect-error a cached answer belongs to a caller
  steps().through(trace).through(errors).through(validate).through(cache);
  // @ts-expect-error its key is made of the decoded request
  steps().through(trace).through(errors).through(authenticate).through(cache);
  // @ts-expect-error tags are made of the decoded request
  steps().through(trace).through(authenticate).through(invalidate);
  // @ts-expect-error tags may name claims of the caller
  steps().through(trace).through(validate).through(invalidate);
  const withTrace = steps().through(trace);
  // @ts-expect-error the call has no caller yet
  withTrace.to(({ caller }) => ({ ...answer, partial: caller === undefined }));
});
