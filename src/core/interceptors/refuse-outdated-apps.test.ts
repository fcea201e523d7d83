import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata } from 'nice-grpc-common';
import type { Answer, Call } from '../ports/call.ts';
import { refuseOutdatedApps } from './refuse-outdated-apps.ts';

const storeUrl = 'https://apps.apple.com/app/id1';
const answer: Answer = { metadata: Metadata(), body: new Uint8Array(), trailers: Metadata() };
const called = (versions: Parameters<typeof refuseOutdatedApps>[0]) => {
  const gate = refuseOutdatedApps(versions);
  return (metadata: Readonly<Record<string, string | string[]>>) => {
    const given = gate({ metadata: Metadata(metadata) } as unknown as Call, () => answer) as Answer;
    if (given === answer) return undefined;
    const fault = given.refused as { readonly reason: string; readonly details: { readonly metadata?: unknown } };
    return [fault.reason, fault.details.metadata];
  };
};

test('an outdated app is refused with what it needs to know, any number of times', () => {
  const call = called({ ios: { least: '3.9', storeUrl }, android: { blocked: ['2.0'] } });
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(call({ 'app-platform': 'iOS', 'app-version': '3.8' }), ['APP_UPDATE_REQUIRED', { version: '3.8', least: '3.9', storeUrl }]);
    assert.deepEqual(call({ 'app-platform': 'android', 'app-version': '2.0' }), ['APP_UPDATE_REQUIRED', { version: '2.0' }]);
    assert.equal(call({ 'app-platform': 'ios', 'app-version': '3.9' }), undefined);
  }
});

test('an app is served that names no platform or version of the settings', () => {
  const call = called({ ios: { least: '3.9' } });
  for (const metadata of [
    {},
    { 'app-version': '1' },
    { 'app-platform': 'ios' },
    { 'app-platform': 'ios', 'app-version': 'x' },
    { 'app-platform': 'web', 'app-version': '1' },
    { 'app-platform': '__proto__', 'app-version': '1' },
    { 'app-platform': 'constructor', 'app-version': '1' },
  ])
    assert.equal(call(metadata as Record<string, string>), undefined, JSON.stringify(metadata));
});

test('without a bound every app is served', () => {
  assert.equal(called({ ios: { advised: '9', storeUrl } })({ 'app-platform': 'ios', 'app-version': '1' }), undefined);
});
