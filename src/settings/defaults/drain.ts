import { z } from 'zod';
import { duration } from '../value-formats.ts';

export const drain = z
  .strictObject({
    grace: duration('0ms', '10m').prefault('10s').describe('Time for calls in flight to finish after SIGTERM.'),
    spread: duration('0ms', '10m')
      .optional()
      .describe(
        'Time over which the clients of open live and chat streams are moved after SIGTERM, each with a delay of its own. It precedes `drain.grace`, and ends early when no connection is left. Default: 30s in serve, 0ms in dev.',
      ),
  })
  .prefault({})
  .describe('Shutdown of the server.');
