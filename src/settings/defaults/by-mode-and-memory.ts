import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import type { RawSettings } from '../schema.ts';

/**
 * `dev`: embedded engines, sample company, dev identities, loopback. `serve`: production, which requires settings for
 * its engines, keys and certificate.
 */
export type Mode = 'dev' | 'serve';

const loopback = '127.0.0.1';

/** The settings whose default depends on the mode, on another setting, or on the machine. */
export function defaultsByMode(mode: Mode, settings: RawSettings) {
  const dataDir = resolve(settings.dataDir);
  return {
    dataDir,
    // only the public listener is for other machines unless the settings say so
    hosts: {
      public: settings.public.host ?? (mode === 'dev' ? loopback : '::'),
      internal: settings.internal.host ?? loopback,
      admin: settings.admin.host ?? loopback,
    },
    keysDir: settings.auth.keysDir ?? join(dataDir, 'keys'),
    embedded: settings.embedded ?? (mode === 'dev' && settings.sql.url === undefined),
    live: { ...settings.live, queuedBytes: settings.live.queuedBytes ?? queuedBytesOf(processMemoryBytes() / settings.workers) },
    media: {
      ...settings.media,
      folder: settings.media.folder ?? (mode === 'dev' || settings.embedded === true ? join(dataDir, 'media') : undefined),
    },
    push: { ...settings.push, provider: settings.push.provider ?? pushProvider(mode, settings.push) },
    drain: { ...settings.drain, spread: settings.drain.spread ?? (mode === 'dev' ? 0 : 30_000) },
    reflection: settings.reflection ?? mode === 'dev',
    sample: mode === 'dev' && (settings.sample ?? true),
  };
}

function pushProvider(mode: Mode, { apns, fcm }: RawSettings['push']): 'off' | 'log' | 'platforms' {
  if (apns !== undefined || fcm !== undefined) return 'platforms';
  return mode === 'dev' ? 'log' : 'off';
}

/** The memory that this process may fill: that of its container, or of the machine. Bytes. */
export function processMemoryBytes(): number {
  return Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem()); // 0: not known
}

/** `live.queuedBytes` where it is not set. */
export function queuedBytesOf(memoryBytes: number): number {
  return Math.min(1_073_741_824, Math.max(33_554_432, Math.floor(memoryBytes / 16)));
}
