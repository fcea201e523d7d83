import { request } from 'node:http';
import type { Settings } from '../settings.ts';
import { Exit, exitCodes } from './exit-codes.ts';
import { modeOf, type SettingsFlags, settingsOf } from './settings-flags.ts';

const timeoutMs = 3_000;

/** `portico health`: requests /readyz of the admin listener; for a container's HEALTHCHECK without curl. */
export async function checkHealth({ url, ...flags }: SettingsFlags & { readonly url?: string }): Promise<void> {
  const target = url ?? readyUrl(settingsOf(modeOf(flags), flags, []));
  const { status, body } = await get(target).catch((error: unknown) => {
    throw new Exit(exitCodes.dependency, `${target} does not answer: ${error instanceof Error ? error.message : error}`);
  });
  if (status !== 200) throw new Exit(exitCodes.failed, `${target} says ${status}: ${body.trim()}`);
  process.stdout.write(`${body.trim()}\n`);
}

/** The URL of the configured admin listener: loopback if it listens on all addresses. */
function readyUrl({ hosts, admin }: Settings): string {
  const host = ['::', '0.0.0.0'].includes(hosts.admin) ? '127.0.0.1' : hosts.admin;
  return `http://${host.includes(':') ? `[${host}]` : host}:${admin.port}/readyz`;
}

function get(url: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { timeout: timeoutMs }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    asked.once('error', reject);
    asked.end();
  });
}
