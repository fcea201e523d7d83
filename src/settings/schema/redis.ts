import { z } from 'zod';
import { clientTls, secret, secretFile, text } from './values.ts';

/** "redis.internal:6379", "10.0.0.7:6379", "[fd00::7]:6379". */
const hostAndPort = () =>
  z
    .string()
    .max(300)
    .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/@[\]]+):\d{1,5}$/)
    .meta({ format: 'host-and-port' });

export const redis = z
  .strictObject({
    mode: z.enum(['single', 'sentinel', 'cluster']).default('single').describe('One Redis; the primary that Sentinels name; or a Redis Cluster.'),
    url: z
      .url({ protocol: /^rediss?$/ })
      .optional()
      .meta({ writeOnly: true, 'x-example': 'rediss://user:password@host:6379' })
      .describe('A single Redis, as "redis://user:password@host:6379", with TLS "rediss://…".'),
    urlFile: secretFile('url'),
    nodes: z
      .array(hostAndPort())
      .max(100)
      .default([])
      .describe(
        'Where it is: the one Redis; the Sentinels; or some nodes of the Cluster, which name the others. Unset, and no `url`: everything in memory, one replica only.',
      ),
    masterName: text().optional().describe('The name that the Sentinels know the primary by.'),
    username: text().optional().describe('The ACL user of Redis. Unset: `default`.'),
    password: secret(1).optional().meta({ writeOnly: true }).describe('Its password.'),
    passwordFile: secretFile('password'),
    sentinelUsername: text().optional().describe('The ACL user of the Sentinels.'),
    sentinelPassword: secret(1).optional().meta({ writeOnly: true }).describe('Its password.'),
    sentinelPasswordFile: secretFile('sentinelPassword'),
    tls: clientTls().optional().describe('Unset: plain text. `{}`: TLS with the authorities of the system. Sentinels are spoken to alike.'),
    prefix: z
      .string()
      .max(64)
      .regex(/^[!-z|~]*$/)
      .default('portico:')
      .describe('What every key and channel begins with: another one for each installation that shares a Redis.'),
  })
  .prefault({})
  .describe('What replicas share: tag versions, remembered answers, news.');
