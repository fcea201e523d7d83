import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VersionVerdict } from '../../../gen/portico/v1/bootstrap.ts';
import { settingsFor } from './app-settings.ts';

const {
  VERSION_VERDICT_UNSPECIFIED: unknown,
  VERSION_VERDICT_SUPPORTED: supported,
  VERSION_VERDICT_UPDATE_ADVISED: advised,
  VERSION_VERDICT_UPDATE_REQUIRED: required,
} = VersionVerdict;
const storeUrl = 'https://apps.apple.com/app/id1';
const settings = {
  versions: { ios: { least: '3.9', advised: '4.2.0', blocked: ['4.2.1', '5.0+77'], storeUrl }, android: {}, web: { advised: '10' } },
  flags: {
    checkout: { value: 'off', platforms: { ios: { value: 'on', least: '4.2' }, web: { value: 'beta' } } },
    voice: { platforms: { android: { value: 'yes', least: '2' } } },
  },
};

for (const [platform, version, verdict] of [
  ['ios', '3.8.99', required],
  ['ios', '3.9', advised],
  ['ios', '3.9.0.0', advised],
  ['ios', '3.10.0', advised], // numbers, not texts
  ['ios', '4.2', supported],
  ['iOS', 'v4.2.0-beta.1+77', supported],
  ['ios', '4.2.0 (1203)', supported],
  ['ios', '10', supported],
  ['ios', '4.2.1', required],
  ['ios', '5.0 (77)', required],
  ['ios', '5.0 (78)', supported],
  ['ios', '', unknown],
  ['ios', '4.2.x', unknown],
  ['ios', '1.2.3.4.5', unknown],
  ['ios', `${'9'.repeat(30)}`, unknown],
  ['android', '0.1', supported],
  ['web', '9', advised],
  ['windows', '1', unknown],
  ['', '1', unknown],
  ['constructor', '1', unknown],
  ['__proto__', '1', unknown],
] as const)
  test(`version "${version}" of "${platform}" has the verdict ${verdict}`, () => {
    assert.equal(settingsFor({ platform, version }, settings).versionVerdict, verdict);
  });

test('an app receives each flag with the value of its platform, from the version on that the value is for', () => {
  const flags = (platform: string, version: string) => Object.fromEntries(settingsFor({ platform, version }, settings).flags);
  assert.deepEqual(flags('ios', '4.2.0'), { checkout: 'on' });
  assert.deepEqual(flags('ios', '4.1.9'), { checkout: 'off' });
  assert.deepEqual(flags('ios', ''), { checkout: 'off' }, 'it may be of any version');
  assert.deepEqual(flags('web', ''), { checkout: 'beta' });
  assert.deepEqual(flags('android', '2'), { checkout: 'off', voice: 'yes' });
  assert.deepEqual(flags('', ''), { checkout: 'off' });
});

test('an app receives what is set for its platform, whatever it has', () => {
  assert.equal(settingsFor({ platform: 'ios', version: '9' }, settings).storeUrl, storeUrl);
  assert.equal(settingsFor({ platform: 'web', version: '9' }, settings).storeUrl, '');
  const { leastVersion, advisedVersion, blockedVersions } = settingsFor({ platform: 'ios', version: '' }, settings);
  assert.deepEqual([leastVersion, advisedVersion, blockedVersions], ['3.9', '4.2.0', ['4.2.1', '5.0+77']]);
});
