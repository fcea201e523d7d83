import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');

/** The table of docs/reference/rooms.md: the rooms with what each may import. */
const rooms = readFileSync(join(root, 'docs/reference/rooms.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .flatMap((line) => {
    const [, names = '', , may = ''] = line.split('|').map((cell) => cell.trim());
    const allowed = may === 'nothing' ? [] : may.split(', ');
    return [...names.matchAll(/`([^`]+)`/g)].map(([, path = '']) => ({ path, name: nameOf(path), allowed }));
  });

function nameOf(path: string): string {
  return path.replace(/\.ts$/, '').replace(/\/$/, '').split('/').at(-1) ?? path;
}

function roomOf(file: string) {
  const room = rooms.find(({ path }) => file === path || (path.endsWith('/') && file.startsWith(path)));
  assert.ok(room, `${file} is in no room of docs/reference/rooms.md`);
  return room;
}

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => `src/${file}`);

function importsOf(file: string) {
  return importsIn(readFileSync(join(root, file), 'utf8'));
}

function importsIn(text: string): string[] {
  const specifiers = /^\s*(?:import|export)\b[^'"]*?from\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/gm;
  return [...text.matchAll(specifiers)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** One path for each edge that leads back to a file on the way to it. */
function cyclesOf(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file);
    if (at >= 0) cycles.push([...path.slice(at), file].join(' > '));
    if (at >= 0 || done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  return cycles;
}

test('every import keeps to the table of rooms', () => {
  const wrong: string[] = [];
  for (const file of files.filter((file) => !file.endsWith('.test.ts'))) {
    const from = roomOf(file);
    for (const specifier of importsOf(file).filter((specifier) => specifier.startsWith('.'))) {
      const target = relative(root, resolve(root, dirname(file), specifier));
      if (!target.startsWith('src/')) continue;
      const to = roomOf(target);
      const same = from.path === to.path;
      if (!same && !from.allowed.includes('every room') && to.name !== 'kit' && !from.allowed.includes(to.name)) {
        wrong.push(`${file} imports ${target}: ${from.path} may import ${from.allowed.join(', ') || 'nothing'} and kit`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('no file imports itself by way of others: types, re-exports and dynamic imports count', () => {
  const edges = new Map(
    files.map((file) => [
      file,
      importsOf(file)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => relative(root, resolve(root, dirname(file), specifier))),
    ]),
  );
  assert.deepEqual(cyclesOf(edges), []);
});

test('a cycle of types, of re-exports and of dynamic imports is found', () => {
  const text = ["import type { A } from './a.ts';", "export { a } from './b.ts';", "const c = await import('./c.ts');", "import './d.ts';"].join(
    '\n',
  );
  assert.deepEqual(importsIn(text), ['./a.ts', './b.ts', './c.ts', './d.ts']);
  const edges = { a: ['b', 'c'], b: ['d'], c: [], d: ['e', 'b'], e: ['a'] };
  assert.deepEqual(cyclesOf(new Map(Object.entries(edges))), ['a > b > d > e > a', 'b > d > b']);
});

test('services are strangers to each other', () => {
  const folder = (file: string) => file.match(/^src\/core\/services\/([^/]+)\//)?.[1];
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => folder(relative(root, resolve(root, dirname(file), specifier))))
      .filter((other) => folder(file) !== undefined && other !== undefined && other !== folder(file))
      .map((other) => `${file} knows ${other}`),
  );
  assert.deepEqual(wrong, []);
});

test('only telemetry knows the OpenTelemetry SDK and pino', () => {
  const wrong = files.filter(
    (file) =>
      !file.startsWith('src/core/adapters/telemetry/') &&
      importsOf(file).some((specifier) => specifier === 'pino' || /^@opentelemetry\/(?!api$|semantic-conventions$)/.test(specifier)),
  );
  assert.deepEqual(wrong, []);
});

test('the time and chance are handed in: only the process itself asks for them', () => {
  const allowed = /^src\/(main|settings|wire|cli|gen|sample\/main)\b|\.test\.ts$/;
  const wrong = files.filter(
    (file) => !allowed.test(file) && /\bDate\.now\(\)|\bMath\.random\(\)|\bprocess\.env\b/.test(readFileSync(join(root, file), 'utf8')),
  );
  assert.deepEqual(wrong, []);
});

/** What is built on topics and presence: live updates, and the room of streams that chat shares. */
const live =
  /^src\/core\/(?:streams|services\/(?:live|publisher)|ports\/(?:topic-[a-z-]+|presence(?:-limits)?|publish|watched)\.ts|cache\/serve-watched\.ts|interceptors\/answer-watched\.ts|kit\/until-called\.ts)/;
const chat = /^src\/core\/(?:services\/chat|ports\/chat)/;
const media = /^src\/core\/(?:services\/media|services\/session\/link-tokens\.ts|ports\/(?:attachments|blobs|link-tokens)\.ts)/;
const safety = /^src\/core\/(?:services\/safety|ports\/(?:blocks|reports)\.ts)/;
const userData = /^src\/core\/(?:services\/user-data|ports\/user-data)/;
/** Which apps are served, and when none is. */
const served =
  /^src\/core\/(?:services\/bootstrap|ports\/maintenance\.ts|interceptors\/refuse-(?:outdated-apps|during-maintenance)\.ts|kit\/(?:app-version|maintenance-rules)\.ts)/;
const push = /^src\/core\/(?:services\/(?:push|device)|ports\/push-[a-z]+\.ts)/;
const cache = /^src\/core\/cache\//;
const screens = /^src\/core\/(?:screen|upstreams)\//;
const signIn = /^src\/core\/services\/session\//;

test('each part of core stays small enough to be read in a day, without adapters', () => {
  const core = files.filter((file) => file.startsWith('src/core/') && !file.startsWith('src/core/adapters/') && !file.endsWith('.test.ts'));
  const lines = (some: readonly string[]) => some.reduce((sum, file) => sum + readFileSync(join(root, file), 'utf8').split('\n').length - 1, 0);
  const only = (part: RegExp) => core.filter((file) => part.test(file) && !live.test(file) && !media.test(file));
  const parts = [
    [
      'calls',
      core.filter((file) => ![live, chat, safety, push, media, userData, served, cache, screens, signIn].some((part) => part.test(file))),
      5_675,
    ],
    ['the cache', only(cache), 2_450],
    ['screens and upstreams', only(screens), 1_750],
    ['sign-in', only(signIn), 1_250],
    ['live updates', core.filter((file) => live.test(file)), 3_495],
    ['chat', core.filter((file) => chat.test(file)), 1_950],
    ['safety', core.filter((file) => safety.test(file)), 500],
    ['versions and maintenance', core.filter((file) => served.test(file)), 400],
    ['push', core.filter((file) => push.test(file)), 1_000],
    ['exports and erasures', core.filter((file) => userData.test(file)), 400],
    ['attachments', core.filter((file) => media.test(file)), 1_000],
  ] as const;
  for (const [name, some, most] of parts) assert.ok(lines(some) < most, `${name}: ${lines(some)} lines, fewer than ${most} are allowed`);
});

test('transport stays small enough to be read: under 4,775 lines', () => {
  const lines = files
    .filter((file) => file.startsWith('src/transport/') && !file.endsWith('.test.ts'))
    .reduce((sum, file) => sum + readFileSync(join(root, file), 'utf8').split('\n').length - 1, 0);
  assert.ok(lines < 4_775, `${lines} lines`);
});

test('wiring only wires: under 1,510 lines in all, with live updates, chat, push, attachments and erasures', () => {
  const lines = files
    .filter((file) => /^src\/wire(\.ts$|\/)/.test(file) && !file.endsWith('.test.ts'))
    .reduce((sum, file) => sum + readFileSync(join(root, file), 'utf8').split('\n').length - 1, 0);
  assert.ok(lines < 1_510, `${lines} lines`);
});
