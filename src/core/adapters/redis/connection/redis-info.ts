/** The properties of a Redis (INFO) that this adapter needs. */
export type RedisInfo = {
  /** "7.0.15" */
  readonly version: string;
  readonly mode: 'standalone' | 'sentinel' | 'cluster';
  readonly role: 'master' | 'slave';
  /** Changes with each start of the process. */
  readonly runId: string;
  /** Changes with each promotion. */
  readonly replicationId: string;
  /** "noeviction", "allkeys-lru", …; undefined if it is not reported. */
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
