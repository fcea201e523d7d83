import { existsSync, readFileSync } from 'node:fs';
import { asCallError } from '../../client/call-error.ts';
import type { Client } from '../../client/client.ts';
import type { Settings } from '../../settings.ts';
import { devCaFile } from '../../wire/certificates.ts';
import { Exit, exitCodes } from '../exit-codes.ts';

/** Of the device, and of the app in `bootstrap.versions`. */
export const platform = 'desktop';

/** @throws Exit with one line that states what to do */
export async function signIn({ session }: Client, server: string, user: string): Promise<void> {
  try {
    await session.signIn({
      identity: { $case: 'dev', value: { user, scopes: [] } },
      device: { platform, name: 'portico phone', installationId: '' },
    });
  } catch (error) {
    const { reason, message } = asCallError(error);
    const text = message.replace(/\s+/g, ' ').replace(/^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note:.*$/, '$1');
    if (reason === 'REQUEST_INVALID') throw new Exit(exitCodes.usage, `--user ${user}: ${text}`);
    if (reason !== '') throw new Exit(exitCodes.failed, `https://${server} refuses the sign-in: ${reason}: ${text}`);
    if (/certificate/.test(text)) throw new Exit(exitCodes.config, `https://${server}: ${text}. Name the authority of its certificate with --ca.`);
    throw new Exit(
      exitCodes.dependency,
      `https://${server} does not answer: ${text}. Start it with \`npm start\`, or name another server with --address.`,
    );
  }
}

/**
 * Certificates to trust: those of a named file, or of dev's authority.
 * @param isElsewhere whether the server may be another one than that of the settings
 * @returns undefined: those of the system
 * @throws Exit
 */
export function authorityOf({ dataDir, public: { tls } }: Settings, isElsewhere: boolean, named: string | undefined): Buffer | undefined {
  const file = named ?? devCaFile(dataDir);
  if (named === undefined && !existsSync(file)) {
    if (isElsewhere || tls !== undefined) return undefined;
    throw new Exit(
      exitCodes.dependency,
      `${file}, the certificate authority of \`portico dev\`, does not exist: start the server with \`npm start\` first.`,
    );
  }
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Exit(exitCodes.config, `--ca: ${error instanceof Error ? error.message : error}`);
  }
}
