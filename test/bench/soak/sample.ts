// What a server has at a time: by its metrics, and by what the kernel says of it.
import { readdirSync, readFileSync } from 'node:fs';
import type { Replica } from '../harness.ts';
import type { Counts } from './counts.ts';

/** After a garbage collection. Bytes, seconds. */
export type Sample = {
  readonly atSeconds: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** Open files of the process: sockets, most of all. */
  readonly handles: number;
  /** Live and chat streams. */
  readonly streams: number;
  /** Of the event loop since the last measurement, before the collection. */
  readonly lagP50Seconds: number;
  readonly lagP99Seconds: number;
  readonly cpuSeconds: number;
  /** Of the load so far. */
  readonly failures: number;
  readonly operations: number;
};

export async function sampleOf(replica: Replica, counts: Counts, beganMs: number): Promise<Sample> {
  const before = await replica.metrics();
  const rssBytes = await replica.rssAfterGc();
  const after = await replica.metrics();
  const sum = (metrics: ReadonlyMap<string, number>, name: string) =>
    [...metrics].reduce((total, [key, value]) => (key === name || key.startsWith(`${name}{`) ? total + value : total), 0);
  return {
    atSeconds: (performance.now() - beganMs) / 1_000,
    heapBytes: sum(after, 'v8js_memory_heap_used_bytes'),
    rssBytes,
    handles: readdirSync(`/proc/${replica.pid}/fd`).length,
    streams: sum(after, 'portico_live_streams') + sum(after, 'portico_chat_streams'),
    lagP50Seconds: sum(before, 'nodejs_eventloop_delay_p50_seconds'),
    lagP99Seconds: sum(before, 'nodejs_eventloop_delay_p99_seconds'),
    cpuSeconds: replica.cpuSeconds(),
    failures: counts.failures,
    operations: Object.values(counts.did).reduce((total, times) => total + times, 0),
  };
}

/** The most files that a process may have open; undefined where the kernel does not say. */
export function fileLimit(pid: number): number | undefined {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
  return soft === undefined ? undefined : Number(soft);
}
