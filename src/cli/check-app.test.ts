import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MethodPlan } from '../core/kit/method-plan.ts';
import type { App, Screen } from '../core/screen/define-app.ts';
import { appSummary, screenProblems, signInProblem, upstreamProblems } from './check-app.ts';

const app: App = {
  upstreams: { orders: {} as App['upstreams'][string] },
  screens: [{ method: 'a.v1.S/Here' } as Screen<never>],
  reasons: {},
  messages: {},
};
const plan = (method: string, more: Partial<MethodPlan> = {}) => ({ method, access: { kind: 'user', scopes: [] }, ...more }) as MethodPlan;
const plansOf = (...plans: readonly MethodPlan[]) => new Map(plans.map((one) => [`/${one.method}`, one]));

test('a method without a screen, and a screen without a method, are said', () => {
  assert.deepEqual(screenProblems(app, plansOf(plan('a.v1.S/Here'), plan('portico.v1.SessionService/SignIn')), undefined), []);
  const problems = screenProblems(app, plansOf(plan('a.v1.S/There')), undefined);
  assert.match(problems[0] ?? '', /^a\.v1\.S\/There has no answer: write a screen for it/);
  assert.match(problems[1] ?? '', /^a\.v1\.S\/Here has a screen, but is in no \.proto of this release/);
});

test('two screens of one method are said, and so is one of a method that is forwarded', () => {
  const twice: App = { ...app, screens: [...app.screens, ...app.screens] };
  const [two = '', ...others] = screenProblems(twice, plansOf(plan('a.v1.S/Here')), undefined);
  assert.match(two, /^a\.v1\.S\/Here has 2 answers: keep one of its screens/);
  assert.deepEqual(others, []);
  const forward = {} as NonNullable<MethodPlan['forward']>;
  assert.match(screenProblems(app, plansOf(plan('a.v1.S/Here', { forward })), undefined)[0] ?? '', /^a\.v1\.S\/Here has 2 answers/);
});

test('an app without screens has nothing wrong with it', () => {
  const empty: App = { upstreams: {}, screens: [], reasons: {}, messages: {} };
  assert.deepEqual(screenProblems(empty, plansOf(plan('portico.v1.SessionService/SignIn')), undefined), []);
  assert.deepEqual(upstreamProblems(empty, { upstreams: {}, sample: true, origins: new Map() }, plansOf()), []);
  assert.equal(appSummary(empty), '0 screens, 0 reasons, texts in English');
});

test('an upstream that is not set is said, unless a sample service stands for it', () => {
  const unset = ['orders: screens use them, and the settings do not name them.'];
  const settings = { upstreams: {}, sample: true, origins: new Map<string, string>() };
  assert.deepEqual(upstreamProblems(app, settings, plansOf()), unset);
  assert.deepEqual(upstreamProblems(app, settings, plansOf(), ['orders']), []);
  assert.deepEqual(upstreamProblems(app, { ...settings, sample: false }, plansOf(), ['orders']), unset);
});

test('a production with methods for users and no identity provider is said', () => {
  const settings = { mode: 'serve', auth: { idTokenIssuers: [], externalIssuers: [] } } as unknown as Parameters<typeof signInProblem>[0];
  assert.match(
    signInProblem(settings, plansOf(plan('a.v1.S/Here'))) ?? '',
    /^auth\.idTokenIssuers \(not set\): no user can sign in, and 1 methods are for users/,
  );
  assert.equal(signInProblem(settings, plansOf(plan('portico.v1.SessionService/SignOut'))), undefined);
});
