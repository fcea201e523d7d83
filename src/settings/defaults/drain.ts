import { z } from 'zod';
import { duration } from '../value-formats.ts';

export const drain = z
  .strictObject({
    grace: duration('0ms', '10m').prefault('10s').describe('Time for calls in flight to finish after SIGTERM.'),
  })
  .prefault({})
  .describe('Shutdown of the server.');
