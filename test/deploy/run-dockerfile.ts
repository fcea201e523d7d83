// Runs the steps of a Dockerfile without Docker: each stage is a folder, absolute paths are those of that folder, COPY copies, RUN runs.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, cpSync, existsSync, linkSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, matchesGlob, relative, resolve } from 'node:path';
import type { Instruction, Stage } from './dockerfile.ts';

export type BuiltStage = {
  /** The stage's root folder. */
  readonly folder: string;
  /** As its last WORKDIR says, in that folder. */
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  /** Undefined: root, or who runs the test. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  /** A path of the image as one of this machine. */
  path(inImage: string): string;
};

/** What a distroless base has of its own that our steps use. */
const nodeOfImage = '/nodejs/bin/node';
const homeOfImage = '/home/nonroot';

/**
 * @param context the folder that is built from, narrowed by its .dockerignore
 * @param to an empty folder that everybody may enter
 * @returns the last stage
 */
export function runDockerfile(stages: readonly Stage[], context: string, to: string): BuiltStage {
  const built = new Map<string, BuiltStage>();
  const allows = dockerignore(readFileSync(join(context, '.dockerignore'), 'utf8'));
  let last: BuiltStage | undefined;
  for (const { name, from, instructions } of stages) {
    const folder = join(to, name);
    const before = built.get(from);
    if (before === undefined) baseOf(from, folder);
    else execFileSync('cp', ['-al', before.folder, folder]); // by hard links: node_modules is large
    const path = (inImage: string) => (inImage.startsWith('/') ? join(folder, inImage) : inImage);
    let stage: BuiltStage = {
      folder,
      workdir: before === undefined ? folder : path(`/${relative(before.folder, before.workdir)}`),
      env: {},
      user: undefined,
      path,
    };
    for (const instruction of instructions) stage = run(stage, instruction, { context, allows, built });
    built.set(name, stage);
    last = stage;
  }
  if (last === undefined) throw new Error('The Dockerfile has no stage.');
  return last;
}

function baseOf(image: string, folder: string): void {
  mkdirSync(folder);
  if (!image.startsWith('gcr.io/distroless/')) return; // node and npm are those of PATH
  mkdirSync(join(folder, dirname(nodeOfImage)), { recursive: true });
  const node = join(folder, nodeOfImage);
  try {
    linkSync(process.execPath, node);
  } catch {
    copyFileSync(process.execPath, node); // another file system
  }
  chmodSync(node, 0o755);
  mkdirSync(join(folder, homeOfImage), { recursive: true });
}

type Around = { readonly context: string; readonly allows: (file: string) => boolean; readonly built: ReadonlyMap<string, BuiltStage> };

function run(stage: BuiltStage, { name, flags, text, exec, line }: Instruction, { context, allows, built }: Around): BuiltStage {
  switch (name) {
    case 'WORKDIR':
      mkdirSync(stage.path(text), { recursive: true });
      return { ...stage, workdir: stage.path(text) };
    case 'ENV': {
      const [, key = '', value = ''] = /^(\w+)=(.*)$/.exec(text) ?? [];
      return { ...stage, env: { ...stage.env, [key]: stage.path(value) } };
    }
    case 'USER': {
      const [uid, gid] = text.split(':').map(Number);
      const user = process.getuid?.() === 0 ? { uid: uid ?? 0, gid: gid ?? uid ?? 0 } : undefined;
      const home = stage.path(homeOfImage);
      if (user !== undefined && existsSync(home)) chownSync(home, user.uid, user.gid);
      return { ...stage, user };
    }
    case 'COPY': {
      const words = text.split(/\s+/);
      const target = words.pop() ?? '';
      const from = flags.from === undefined ? undefined : built.get(flags.from);
      for (const word of words) {
        const source = from === undefined ? join(context, word) : from.path(word);
        const destination = target.endsWith('/') && !isFolder(source) ? join(target, basename(word)) : target;
        cpSync(source, resolve(stage.workdir, stage.path(destination)), {
          recursive: true,
          filter: (file) => from !== undefined || allows(relative(context, file)),
        });
      }
      return stage;
    }
    case 'RUN': {
      if (exec === undefined) throw new Error(`line ${line}: RUN is not in the exec form`);
      const [command = '', ...args] = exec.map((word) => stage.path(word));
      const { PATH = '', HOME = '' } = process.env; // a container starts with hardly more than these
      execFileSync(command, args, {
        cwd: stage.workdir,
        env: { PATH, HOME, ...stage.env },
        stdio: ['ignore', 'ignore', 'pipe'],
        ...stage.user,
      });
      return stage;
    }
    default:
      return stage; // ARG, LABEL, EXPOSE, STOPSIGNAL, HEALTHCHECK, ENTRYPOINT, CMD: nothing to do at build time
  }
}

function isFolder(path: string): boolean {
  return statSync(path).isDirectory();
}

/** Patterns of a .dockerignore, the last that fits decides: `!` takes back in, and what is said of a folder is said of all in it. */
export function dockerignore(text: string): (file: string) => boolean {
  const patterns = text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => ({ pattern: line.replace(/^!/, ''), allowed: line.startsWith('!') }));
  return (file) => {
    const parents = file.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'));
    const last = patterns.findLast(({ pattern }) => parents.some((parent) => matchesGlob(parent, pattern)));
    return file === '' || (last?.allowed ?? true);
  };
}
