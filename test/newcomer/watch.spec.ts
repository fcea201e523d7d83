// `portico dev --watch` in a clone: what is changed is what runs, and a mistake ends nothing for good.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { appUpstreams } from '../support/server/app-upstreams.ts';
import { cloneProject } from '../support/server/clone.ts';
import { startProcess } from '../support/server/process.ts';

test('a change of a proto, a screen or the settings starts the server anew', async () => {
  const { folder, remove } = cloneProject();
  const env = {
    ...{ PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
    ...{ PORTICO_PUBLIC__PORT: '0', PORTICO_INTERNAL__PORT: '0', PORTICO_ADMIN__PORT: '0' },
  };
  const change = (file: string, from: string, to: string) => {
    const path = join(folder, file);
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
  };
  writeFileSync(join(folder, 'portico.yaml'), `drain: {grace: 1s}\nupstreams: ${JSON.stringify(appUpstreams)}\n`);
  const watching = startProcess(process.execPath, [join(folder, 'scripts/launch.cjs'), 'src/main.ts', 'dev', '--watch'], { cwd: folder, env });
  const times = (text: string, count: number) => watching.until(new RegExp(`(?:${text}[\\s\\S]*?){${count}}`));
  try {
    await times('Portico \\d', 1);
    change('portico.yaml', '1s', '2s');
    await watching.until(/portico: portico\.yaml changed: restarting\.\n/);
    await times('Portico \\d', 2);
    change('src/app/index.ts', 'export const app', '// Changed.\nexport const app');
    await watching.until(/portico: src\/app\/index\.ts changed: restarting\.\n/);
    await times('Portico \\d', 3);
    change('proto/portico/v1/session.proto', 'service SessionService', '// Changed.\nservice SessionService');
    await watching.until(/portico: proto\/portico\/v1\/session\.proto changed: generating and restarting\.\n/);
    await times('Portico \\d', 4);
    change('proto/portico/v1/session.proto', 'service SessionService', 'servce SessionService');
    await watching.until(/proto\/portico\/v1\/session\.proto:\d+:\d+:[\s\S]*portico: waiting for the next change\.\n/);
    change('proto/portico/v1/session.proto', 'servce SessionService', 'service SessionService');
    await times('Portico \\d', 5);
  } finally {
    await watching.stop();
    remove();
  }
  assert.equal((await watching.ended).code, 0, watching.output());
});
