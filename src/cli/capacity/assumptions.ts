/** What `portico capacity` assumes about an app and its cluster: each is an option, is printed, and has bounds. */
export type AssumptionRow = {
  readonly usual: number;
  readonly least: number;
  readonly most: number;
  readonly whole?: true;
  readonly meaning: string;
};

const fraction = { least: 0.05, most: 1 };

/** In the order of the output; the option of `callsPerMinute` is `--calls-per-minute`. */
export const assumptionRows = {
  callsPerMinute: { usual: 2, least: 0, most: 6_000, meaning: 'unary calls of a client in a minute' },
  cachedShare: { usual: 0.9, least: 0, most: 1, meaning: 'part of the calls that the cache answers' },
  eventsPerMinute: { usual: 6, least: 0, most: 60_000, meaning: 'events and snapshots that a client receives in a minute' },
  listenersPerEvent: { usual: 100, least: 1, most: 1e9, meaning: 'clients that receive the same event' },
  sendsPerMinute: { usual: 0.2, least: 0, most: 6_000, meaning: 'chat messages that a client sends in a minute' },
  readersPerSend: { usual: 3, least: 1, most: 100_000, meaning: 'connected clients that receive a message, that of the sender included' },
  arrivalsPerHour: { usual: 4, least: 0, most: 3_600, meaning: 'connections that a client opens in an hour' },
  heartbeatSeconds: { usual: 25, least: 5, most: 600, meaning: 'live.heartbeat' },
  peakToMean: { usual: 3, least: 1, most: 100, meaning: 'rates at the peak, against the mean of a day: for what is stored' },
  coreSpeed: { usual: 1, least: 0.1, most: 10, meaning: 'speed of a core, against that of the measured machine' },
  podCores: { usual: 1, least: 1, most: 64, whole: true, meaning: 'cores of a pod, and its `workers`' },
  podMemoryMib: { usual: 2_048, least: 256, most: 1_048_576, meaning: 'memory of a pod' },
  cpuTarget: { usual: 0.6, ...fraction, meaning: 'part of the CPU of pods that is used at the peak, with zones lost' },
  memoryTarget: { usual: 0.75, ...fraction, meaning: 'part of the memory of pods that is used' },
  zones: { usual: 3, least: 2, most: 20, whole: true, meaning: 'zones of the cluster' },
  lostZones: { usual: 1, least: 1, most: 19, whole: true, meaning: 'zones that may be lost at the peak' },
  redisTarget: { usual: 0.5, ...fraction, meaning: 'part of the core of a Redis shard that is used' },
  redisMemoryGib: { usual: 8, least: 0.1, most: 512, meaning: 'memory of a Redis shard, of which `memoryTarget` is used' },
  redisBytesPerClient: { usual: 8_192, least: 0, most: 1e7, meaning: 'answers, presence and limits of a client in Redis' },
  historyMinutes: { usual: 60, least: 0, most: 10_080, meaning: 'how long events can be resumed' },
  eventBytes: { usual: 200, least: 0, most: 1e6, meaning: 'payload of an event' },
  packetOverhead: { usual: 1.15, least: 1, most: 4, meaning: 'bytes of TCP/IP packets, against what TLS writes' },
  postgresTarget: { usual: 0.6, ...fraction, meaning: 'part of the CPU of PostgreSQL that is used' },
  connectionsPerProcess: { usual: 10, least: 1, most: 1_000, whole: true, meaning: 'sql.connectionsMax' },
  retentionDays: { usual: 365, least: 1, most: 36_500, meaning: 'how long messages are kept' },
  stormTarget: { usual: 0.9, ...fraction, meaning: 'part of the CPU of the remaining pods that is used while clients return' },
} as const satisfies Readonly<Record<string, AssumptionRow>>;

export type AssumptionName = keyof typeof assumptionRows;
export type Assumptions = Readonly<Record<AssumptionName, number>>;

export const assumptionNames = Object.keys(assumptionRows) as AssumptionName[];

/** Of `--clients`. */
export const clientsBounds = { least: 1, most: 1e9, whole: true } as const;
/** Of `--handshakes-per-second`: fewer would vary by more than their mean from second to second. */
export const handshakesBounds = { least: 100, most: 1e8, whole: true } as const;
/** Of `--seed`. */
export const seedBounds = { least: 0, most: 2 ** 31 - 1, whole: true } as const;

/** `podMemoryMib` becomes `--pod-memory-mib`. */
export function optionOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** @returns the number, or what is wrong with it */
export function numberOf(
  option: string,
  text: string,
  { least, most, whole }: { readonly least: number; readonly most: number; readonly whole?: true },
): number | string {
  const value = /^\d+(?:\.\d+)?(?:e\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  const isGood = value >= least && value <= most && (whole !== true || Number.isInteger(value));
  if (isGood) return value;
  return `${option} ${text}: ${whole === true ? 'a whole number' : 'a number'} from ${least} to ${most} is allowed.`;
}
