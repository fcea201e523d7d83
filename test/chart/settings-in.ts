import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings, type Settings } from '../../src/settings.ts';
import type { Rendered } from './helm.ts';

/** What the server would run with: the ConfigMap's file, with the secrets' files made by the test. */
export function settingsIn(of: Rendered): Settings {
  const folder = mkdtempSync(join(tmpdir(), 'portico-chart-'));
  try {
    const secret = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const paths: Readonly<Record<string, string>> = {
      '/etc/portico/secrets/database-url': secret('database-url', 'postgres://me@host/db'),
      '/etc/portico/secrets/refresh-key': secret('refresh-key', 'x'.repeat(32)),
      '/etc/portico/secrets/redis-url': secret('redis-url', 'redis://host:6379'),
      '/etc/portico/secrets/redis-password': secret('redis-password', 'pw'),
      '/etc/portico/secrets/redis-sentinel-password': secret('redis-sentinel-password', 'pw'),
      '/etc/portico/secrets/apns-key': secret('apns-key', 'PEM'),
      '/etc/portico/secrets/fcm-account': secret('fcm-account', '{}'),
    };
    const text = configOf(of).replace(/\/etc\/portico\/secrets\/\S+/g, (path) => paths[path] ?? path);
    return loadSettings('serve', { file: secret('portico.yaml', text), env: {}, flags: [] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The settings file. */
export function configOf(of: Rendered): string {
  return (of.manifests.find(({ kind }) => kind === 'ConfigMap')?.data as Record<string, string> | undefined)?.['portico.yaml'] ?? '';
}
