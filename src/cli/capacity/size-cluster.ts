import type { Assumptions } from './assumptions.ts';
import type { Costs } from './costs.ts';

const mib = 2 ** 20;
const gib = 2 ** 30;
/** What a connection to PostgreSQL takes there, with its caches. Bytes. */
const connectionBytes = 10 * mib;
/** Each event is kept in Redis with id, time and key. Bytes. */
const eventOverheadBytes = 120;

export type Cluster = ReturnType<typeof sizeCluster>;

/**
 * From clients to pods, Redis, PostgreSQL and network, at the peak. Every term is a rate times its measured cost.
 * @throws RangeError naming what cannot be: a pod without memory for a client, or without a remaining zone
 */
export function sizeCluster(clients: number, a: Assumptions, costs: Costs) {
  if (a.lostZones >= a.zones) throw new RangeError(`--lost-zones ${a.lostZones}: fewer than --zones ${a.zones} are allowed.`);
  const perSecond = ratesOf(clients, a);
  const micros = {
    heartbeats: perSecond.heartbeats * costs.heartbeatMicros,
    deliveries: perSecond.deliveries * costs.deliveryMicros + perSecond.publishes * costs.publishMicros,
    cached: perSecond.cachedCalls * costs.cachedCallMicros,
    uncached: perSecond.uncachedCalls * costs.uncachedCallMicros,
    sends: perSecond.sends * costs.sendMicros + perSecond.sends * Math.max(0, a.readersPerSend - 2) * costs.deliveryMicros,
    arrivals: perSecond.arrivals * costs.arrivalMicros,
  };
  const cores = sum(micros) / 1e6 / a.coreSpeed;
  const pods = podsOf(clients, cores, a, costs);
  const redisCores =
    (perSecond.publishes * costs.publishRedisMicros +
      perSecond.cachedCalls * costs.cachedCallRedisMicros +
      perSecond.uncachedCalls * costs.uncachedCallRedisMicros +
      perSecond.sends * costs.sendRedisMicros +
      perSecond.arrivals * costs.arrivalRedisMicros) /
    1e6 /
    a.coreSpeed;
  const redisBytes = clients * a.redisBytesPerClient + perSecond.publishes * a.historyMinutes * 60 * (a.eventBytes + eventOverheadBytes);
  const shards = { byCpu: Math.ceil(redisCores / a.redisTarget), byMemory: Math.ceil(redisBytes / (a.redisMemoryGib * gib * a.memoryTarget)) };
  const connections = pods.count * a.podCores * a.connectionsPerProcess;
  const postgresCores = (perSecond.sends * costs.sendPostgresMicros) / 1e6 / a.coreSpeed;
  const bytesPerSecond =
    a.packetOverhead *
    (perSecond.heartbeats * costs.heartbeatWireBytes +
      (perSecond.deliveries + perSecond.sends * a.readersPerSend) * (costs.deliveryWireBytes + a.eventBytes - 200) +
      (perSecond.cachedCalls + perSecond.uncachedCalls) * costs.callWireBytes +
      perSecond.arrivals * costs.arrivalWireBytes);
  return {
    perSecond,
    cores,
    coresBy: Object.fromEntries(Object.entries(micros).map(([name, used]) => [name, used / 1e6 / a.coreSpeed])) as Record<
      keyof typeof micros,
      number
    >,
    pods,
    redis: { shards: Math.max(1, shards.byCpu, shards.byMemory), ...shards, cores: redisCores, bytes: redisBytes },
    postgres: {
      cores: Math.max(1, Math.ceil(postgresCores / a.postgresTarget)),
      storedBytes: (perSecond.sends / a.peakToMean) * 86_400 * a.retentionDays * costs.sendStoredBytes,
      logBytesPerSecond: perSecond.sends * costs.sendLogBytes,
      connections,
      connectionBytes: connections * connectionBytes,
    },
    network: { bytesPerSecond, bytesPerSecondOfPod: bytesPerSecond / pods.count },
  };
}

function ratesOf(clients: number, a: Assumptions) {
  const calls = (clients * a.callsPerMinute) / 60;
  const deliveries = (clients * a.eventsPerMinute) / 60;
  return {
    heartbeats: clients / a.heartbeatSeconds,
    deliveries,
    publishes: deliveries / Math.min(a.listenersPerEvent, clients),
    cachedCalls: calls * a.cachedShare,
    uncachedCalls: calls * (1 - a.cachedShare),
    sends: (clients * a.sendsPerMinute) / 60,
    arrivals: (clients * a.arrivalsPerHour) / 3_600,
  };
}

/** Equally many in each zone, so many that those of the remaining zones carry all clients within the targets. */
function podsOf(clients: number, cores: number, a: Assumptions, { processBytes, clientBytes }: Costs) {
  const forClients = a.podMemoryMib * mib * a.memoryTarget - a.podCores * processBytes;
  if (forClients < clientBytes)
    throw new RangeError(
      `--pod-memory-mib ${a.podMemoryMib}: ${a.podCores} processes take ${Math.ceil((a.podCores * processBytes) / mib)} MiB before a client comes, and ${Math.floor(a.podMemoryMib * a.memoryTarget)} MiB may be used.`,
    );
  const byCpu = Math.ceil(cores / (a.podCores * a.cpuTarget));
  const byMemory = Math.ceil((clients * clientBytes) / forClients);
  const remainingZones = a.zones - a.lostZones;
  const perZone = Math.ceil(Math.max(byCpu, byMemory, 1) / remainingZones);
  return { count: perZone * a.zones, perZone, remaining: perZone * remainingZones, byCpu, byMemory };
}

function sum(values: Readonly<Record<string, number>>): number {
  return Object.values(values).reduce((total, value) => total + value, 0);
}
