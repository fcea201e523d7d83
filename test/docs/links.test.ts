import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { projectFiles } from '../support/server/clone.ts';

const root = resolve(import.meta.dirname, '../..');
const pages = projectFiles().filter((file) => file.endsWith('.md') && !file.startsWith('third_party/'));

/** A page without its code. */
const textOf = (page: string) => readFileSync(join(root, page), 'utf8').replace(/^```.*?^```$/gms, '');

test('every link of the docs leads somewhere', () => {
  const dead = pages.flatMap((page) => {
    return [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target.split('#')[0] ?? '')
      .filter((target) => target !== '' && !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(page), target)))
      .map((target) => `${page} links to ${target}`);
  });
  assert.deepEqual(dead, []);
});

/** What docs/screens/replace-the-sample.md deletes. */
const deleted = [...readFileSync(join(root, 'docs/screens/replace-the-sample.md'), 'utf8').matchAll(/^rm -r (.*)$/gm)].flatMap(([, paths = '']) =>
  paths.split(' '),
);
const isTakenOut = (path: string) => deleted.some((gone) => `${path}/`.startsWith(`${gone}/`) && !existsSync(join(root, gone)));

test('every file that a page names is there, unless it was taken out with the sample', () => {
  assert.ok(deleted.includes('test/sample'));
  const dead = pages.flatMap((page) =>
    [...textOf(page).matchAll(/`((?:test|scripts|docs|helm|migrations)\/[\w./-]+)`/g)]
      .map(([, path = '']) => path)
      .filter((path) => !existsSync(join(root, path)) && !isTakenOut(path))
      .map((path) => `${page} names ${path}`),
  );
  assert.deepEqual(dead, []);
});

test('every anchor of a link is a heading of its page', () => {
  const anchorsOf = (page: string) =>
    [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
  const dead = pages.flatMap((page) =>
    [...textOf(page).matchAll(/\]\(([^)\s:#]*)#([^)\s]+)\)/g)]
      .map(([, path = '', anchor = '']) => ({ target: path === '' ? page : join(dirname(page), path), anchor }))
      .filter(({ target, anchor }) => target.endsWith('.md') && !anchorsOf(target).includes(anchor))
      .map(({ target, anchor }) => `${page} links to ${target}#${anchor}`),
  );
  assert.deepEqual(dead, []);
});

test('every page of docs is reached from its index', () => {
  const linked = new Set(
    ['docs/README.md', 'docs/decisions/README.md'].flatMap((index) =>
      [...readFileSync(join(root, index), 'utf8').matchAll(/\]\(([^)\s#]+)/g)].map(([, target = '']) => join(dirname(index), target)),
    ),
  );
  const lost = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md' && !linked.has(page));
  assert.deepEqual(lost, []);
});
