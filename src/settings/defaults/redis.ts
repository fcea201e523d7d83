import { z } from 'zod';
import { clientTls, isHostAndPort, secret, secretFile, text } from '../value-formats.ts';

/** "redis.internal:6379", "10.0.0.7:6379", "[fd00::7]:6379". */
const hostAndPort = () =>
  z
    .string()
    .max(300)
    .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/@[\]]+):\d{1,5}$/)
    .refine(isHostAndPort)
    .meta({ format: 'host-and-port' });

export const redis = z
  .strictObject({
    mode: z
      .enum(['single', 'sentinel', 'cluster'])
      .default('single')
      .describe('A single Redis, the primary that Sentinels name, or a Redis Cluster.'),
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
        'Addresses of the single Redis, of the Sentinels, or of some nodes of the Cluster, which name the others. Unset and no `url`: all state is in memory, and only one replica may run.',
      ),
    masterName: text().optional().describe('The name of the primary in the Sentinels.'),
    username: text().optional().describe('The ACL user of Redis. Unset: `default`.'),
    password: secret(1).optional().meta({ writeOnly: true }).describe('Its password.'),
    passwordFile: secretFile('password'),
    sentinelUsername: text().optional().describe('The ACL user of the Sentinels.'),
    sentinelPassword: secret(1).optional().meta({ writeOnly: true }).describe('Its password.'),
    sentinelPasswordFile: secretFile('sentinelPassword'),
    tls: clientTls().optional().describe('Unset: plain text. `{}`: TLS with the authorities of the system. Also applies to Sentinels.'),
    prefix: z
      .string()
      .max(64)
      .regex(/^[!-z|~]*$/)
      .default('portico:')
      .describe('Prefix of every key and channel. Installations that share a Redis need different prefixes.'),
  })
  .prefault({})
  .describe('The state that replicas share: tag versions, cached answers, and the bus.');
