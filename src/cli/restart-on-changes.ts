import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { releaseFolder } from '../release/release.ts';
import { refuseStale } from '../release/stale-generated-code.ts';
import { Exit, exitCodes } from './exit-codes.ts';
import { fileOf, type SettingsFlags } from './settings-flags.ts';

/**
 * Editors write a file in several steps, and git many files at once: events within this time are one change.
 * Milliseconds.
 */
const debounceMs = 200;
/** A server that is still running after this time receives a second signal, which ends it at once. Milliseconds. */
const patienceMs = 2_000;

/**
 * `portico dev --watch`: runs `portico dev` as a separate process, and restarts it when protos (which are generated
 * first), screens or settings change.
 */
export async function runWatching(flags: SettingsFlags): Promise<void> {
  const root = releaseFolder();
  if (!existsSync(join(root, 'proto')) || !existsSync(join(root, 'scripts/generate.ts')))
    throw new Exit(exitCodes.usage, '--watch is for a clone: this release has no .proto files and no sources that could change.');
  const file = fileOf(flags);
  const before = snapshot(root, file);
  let child = startServer();
  let known = before;
  let leaving = false;
  let changing = Promise.resolve();

  const onChange = async () => {
    const now = snapshot(root, file);
    const changed = differences(known, now);
    known = now;
    if (changed.length === 0 || leaving) return;
    say(`${listed(changed)} changed: ${changed.some((name) => name.endsWith('.proto')) ? 'generating and ' : ''}restarting.`);
    await stop(child);
    if (leaving) return;
    if (isStale(root) && !(await generate(root))) return say('waiting for the next change.');
    known = snapshot(root, file); // generated files are not a change
    child = startServer();
  };

  const watchers = watchAll(root, file, () => {
    changing = changing.then(onChange);
  });
  await new Promise<void>((done) => {
    const leave = (signal: NodeJS.Signals) => {
      if (leaving) process.exit(exitCodes.failed); // a second signal: at once
      leaving = true;
      for (const one of watchers) one.close();
      child.kill(signal);
      void changing.then(() => ended(child)).then(done);
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, leave);
  });
}

function say(text: string): void {
  process.stderr.write(`portico: ${text}\n`);
}

function startServer(): ChildProcess {
  const args = process.argv.slice(1).filter((word) => word !== '--watch');
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  child.once('exit', (code, signal) => {
    if (code !== null && code !== 0) say(`the server ended with ${code}: waiting for a change.`);
    else if (signal !== null && signal !== 'SIGTERM') say(`the server was ended by ${signal}: waiting for a change.`);
  });
  return child;
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

async function stop(child: ChildProcess): Promise<void> {
  child.removeAllListeners('exit'); // this process ends it
  const over = ended(child);
  child.kill('SIGTERM');
  const again = setTimeout(() => child.kill('SIGTERM'), patienceMs);
  await over;
  clearTimeout(again);
}

function isStale(root: string): boolean {
  try {
    refuseStale(root);
    return false;
  } catch {
    return true;
  }
}

async function generate(root: string): Promise<boolean> {
  const child = spawn(process.execPath, [join(root, 'scripts/generate.ts')], { stdio: ['ignore', 'inherit', 'inherit'] });
  await ended(child);
  return child.exitCode === 0;
}

/** Every file that a start reads, with a mark that changes when it is written. */
function snapshot(root: string, file: string | undefined): ReadonlyMap<string, string> {
  const files = [...watched.flatMap((folder) => filesIn(root, folder)), ...(file === undefined ? [] : [resolve(file)])];
  return new Map(files.flatMap((path) => markOf(path).map((mark) => [relative(root, resolve(root, path)), mark] as const)));
}

const watched = ['proto', 'third_party', 'src', 'migrations'];
const isRead = (name: string) => /\.(proto|ts|sql)$/.test(name) && !name.endsWith('.test.ts');

function filesIn(root: string, folder: string): readonly string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(isRead)
    .map((name) => join(root, folder, name));
}

function markOf(path: string): readonly string[] {
  try {
    const { mtimeMs, size } = statSync(path);
    return [`${mtimeMs} ${size}`];
  } catch {
    return []; // absent, or being replaced
  }
}

function differences(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): readonly string[] {
  return [...new Set([...before.keys(), ...now.keys()])].filter((name) => before.get(name) !== now.get(name)).sort();
}

function listed(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;
}

/** @param onChange called once for all events within the debounce time */
function watchAll(root: string, file: string | undefined, onChange: () => void): readonly FSWatcher[] {
  let timer: NodeJS.Timeout | undefined;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(onChange, debounceMs);
  };
  const folders = watched.filter((folder) => existsSync(join(root, folder))).map((folder) => watch(join(root, folder), { recursive: true }, soon));
  if (file === undefined) return folders;
  // its folder, as editors replace a file by another of the same name
  const ofFile = watch(dirname(resolve(file)), (_event, name) => {
    if (name === basename(file)) soon();
  });
  return [...folders, ofFile];
}
