import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { readDockerfile } from './dockerfile.ts';
import { brokenRules } from './rules.ts';

const dockerfile = readFileSync(resolve(import.meta.dirname, '../../Dockerfile'), 'utf8');

test('the Dockerfile keeps to every rule', () => {
  assert.deepEqual(brokenRules(readDockerfile(dockerfile)), []);
});

test('a base given by its digest is pinned too', () => {
  const byDigest = { BUILD_IMAGE: `node:24.21.0-trixie-slim@sha256:${'a'.repeat(64)}` };
  assert.deepEqual(brokenRules(readDockerfile(dockerfile, byDigest)), []);
});

const changes: readonly (readonly [what: string, from: string | RegExp, to: string, rule: RegExp])[] = [
  ['a base without a version', 'node:24.21.0-trixie-slim', 'node:24', /stage deps: node:24 is not pinned/],
  ['the newest base', ':nonroot', ':latest', /is not pinned/],
  ['the shell form', 'CMD ["serve"]', 'CMD serve', /CMD is not in the exec form/],
  ['npm as the first process', 'CMD ["serve"]', 'CMD ["npm", "start"]', /CMD starts npm/],
  ['no user', 'USER 65532:65532', '', /no USER/],
  ['root', 'USER 65532:65532', 'USER 0', /no USER/],
  ['a user by name', 'USER 65532:65532', 'USER nonroot', /no USER/],
  ['another signal', 'STOPSIGNAL SIGTERM', 'STOPSIGNAL SIGKILL', /STOPSIGNAL/],
  ['no health check', /^HEALTHCHECK.*$/m, '', /no HEALTHCHECK/],
  ['a secret', 'ENV NODE_ENV=production', 'ENV NODE_ENV=production\nENV DATABASE_URL=postgres://me:pw@host/db', /looks like a secret/],
  ['no NODE_ENV', 'ENV NODE_ENV=production', '', /NODE_ENV/],
  ['no label', /org.opencontainers.image.revision=\S+/, '', /image\.revision/],
  ['ADD', 'COPY --link scripts', 'ADD scripts', /ADD unpacks/],
];
for (const [what, from, to, rule] of changes) {
  test(`a Dockerfile with ${what} is refused`, () => {
    const changed = dockerfile.replace(from, to);
    assert.notEqual(changed, dockerfile);
    assert.match(brokenRules(readDockerfile(changed)).join('\n'), rule);
  });
}
