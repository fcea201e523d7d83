import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import { processDestination } from './logger.ts';

test('a full disk behind standard output takes nothing down', async () => {
  const failed = Promise.withResolvers<Error>();
  const destination = processDestination(openSync('/dev/full', 'w'));
  destination.on('error', failed.resolve);
  destination.write('a line\n'); // an error without a listener would end the process
  assert.match((await failed.promise).message, /ENOSPC/);
});
