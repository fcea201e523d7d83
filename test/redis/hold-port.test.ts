import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { startProcess } from '../support/server/process.ts';

test('processes that hold ports at the same time hold different ones, none of which the kernel gives to others', async () => {
  const root = resolve(import.meta.dirname, '../..');
  const hold = `
    const { holdPort } = await import('./scripts/hold-port.ts');
    const ports = [];
    for (let i = 0; i < 40; i++) ports.push(await holdPort());
    console.log('held ' + ports.join(','));
    process.stdin.resume();
  `;
  const holders = Array.from({ length: 4 }, () =>
    startProcess(process.execPath, ['--input-type=module', '-e', hold], { cwd: root, env: { PATH: process.env.PATH } }),
  );
  const ports = (await Promise.all(holders.map((holder) => holder.line(/^held (.*)$/)))).flatMap((line) => line.split(',').map(Number));
  await Promise.all(holders.map((holder) => holder.stop()));
  assert.equal(new Set(ports).size, 160);
  assert.ok(ports.every((port) => port >= 16_384 && port < 32_000));
});
