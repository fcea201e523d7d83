/** What a Redis says of itself (INFO), as far as it matters here. */
export type RedisInfo = {
  /** "7.0.15" */
  readonly version: string;
  readonly mode: 'standalone' | 'sentinel' | 'cluster';
  readonly role: 'master' | 'slave';
  /** Another one after each start of the process. */
  readonly runId: string;
  /** Another one after each promotion. */
  readonly replicationId: string;
  /** "noeviction", "allkeys-lru", …; undefined where it is not said. */
  readonly evictionPolicy: string | undefined;
};

export function parseInfo(text: string): RedisInfo {
  const fields = new Map(text.split(/\r?\n/).flatMap((line) => (/^[^#:]+:/.test(line) ? [split(line)] : [])));
  const of = (name: string) => fields.get(name) ?? '';
  return {
    version: of('redis_version'),
    mode: (of('redis_mode') || 'standalone') as RedisInfo['mode'],
    role: (of('role') || 'master') as RedisInfo['role'],
    runId: of('run_id'),
    replicationId: of('master_replid'),
    evictionPolicy: fields.get('maxmemory_policy'),
  };
}

function split(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1)];
}
