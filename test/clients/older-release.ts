// A release of ours from the history, as it was committed.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../support/programs/programs.ts';
import { root } from './script.ts';

/** It came with the first release that has live updates. */
const newest = 'proto/portico/v1/live.proto';
/** The last release whose chat had no sync token that is tied to a timeline. */
export const withLiveAndChat = 'f543e1736be43f6d9ad088712ca5bb572d86c5cf';

export type OlderRelease = { readonly commit: string; readonly folder: string; readonly main: string; remove(): void };

/**
 * Writes it to a temporary folder.
 * @param commit unset: the last one before live updates
 * @throws Error when the history is not here
 */
export async function olderRelease(commit = process.env.RELEASES_FROM): Promise<OlderRelease> {
  const git = async (...args: readonly string[]) => (await run('git', ['-C', root, ...args])).trim();
  const first = (await git('log', '--diff-filter=A', '--format=%H', '--', newest)).split('\n').at(-1);
  const chosen = await git('rev-parse', '--verify', commit ?? `${first}~1`).catch((error: unknown) => {
    throw new Error('The history does not reach back to this older release. Type: git fetch --unshallow', { cause: error });
  });
  const folder = mkdtempSync(join(tmpdir(), 'portico-release-'));
  const archive = join(folder, '.tar');
  await git('archive', '--output', archive, chosen);
  await run('tar', ['-xf', archive, '-C', folder]);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return { commit: chosen, folder, main: join(folder, 'src/main.ts'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
