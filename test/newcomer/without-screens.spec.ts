// After the first step of docs/screens/replace-the-sample.md nothing of a company is left: the server starts and answers
// its own methods.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { http1, http2 } from '../support/client/http.ts';
import { blocksOf } from '../support/client/page.ts';
import { cloneProject } from '../support/server/clone.ts';
import { serverEnvironment, startServer } from '../support/server/server-process.ts';
import { framed } from '../support/upstream/raw-upstream.ts';

const page = resolve(import.meta.dirname, '../../docs/screens/replace-the-sample.md');

test('a server without screens and without the sample starts, is ready, signs in and answers health checks', async () => {
  const { folder, remove } = cloneProject();
  const environment = await serverEnvironment();
  const [deletion] = blocksOf(page);
  assert.ok(deletion);
  try {
    execFileSync('sh', ['-ec', deletion.text], { cwd: folder, env: environment.env, stdio: 'pipe' });
    const server = await startServer('exec npm start', folder, environment);
    try {
      const where = { url: server.withPorts('https://localhost:8443'), ca: readFileSync(join(folder, '.portico/tls/ca.pem'), 'utf8') };
      const signIn = '{"dev":{"user":"alice"},"device":{"platform":"ios","name":"x"}}';
      for (const ask of [http1(where), http2(where)]) {
        const signed = await ask('POST', '/portico.v1.SessionService/SignIn', { 'content-type': 'application/json' }, signIn);
        const { accessToken } = JSON.parse(signed.body.toString()) as { accessToken: string };
        const listed = await ask(
          'POST',
          '/portico.v1.SessionService/ListDevices',
          { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` },
          '{}',
        );
        assert.deepEqual([listed.status, JSON.parse(listed.body.toString()).devices.at(0).device.name], [200, 'x']);
        const health = await ask('POST', '/grpc.health.v1.Health/Check', { 'content-type': 'application/json' }, '{}');
        assert.equal(health.body.toString(), '{"status":"SERVING"}');
        assert.equal((await ask('POST', '/app.v1.HomeService/GetHome', { 'content-type': 'application/json' }, '{}')).status, 404);
      }
      const grpc = await http2(where)('POST', '/grpc.health.v1.Health/Check', { 'content-type': 'application/grpc' }, framed(Buffer.alloc(0)));
      assert.deepEqual([grpc.trailers['grpc-status'], grpc.body], ['0', framed(Buffer.from([0x08, 0x01]))]);
    } finally {
      await server.stop();
    }
  } finally {
    remove();
  }
});
