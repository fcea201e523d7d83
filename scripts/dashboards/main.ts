// `npm run dashboards -- --admin URL --seconds 120 --said TEXT`: draws the dashboards of the chart with what a running server
// exposes meanwhile, as docs/operating shows them.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Dashboard, pictureOf } from './picture.ts';
import { type Page, pageOf } from './queries.ts';

const root = resolve(import.meta.dirname, '../..');
const dashboards = join(root, 'helm/portico/files/dashboards');
const { values } = parseArgs({
  options: { admin: { type: 'string' }, seconds: { type: 'string', default: '120' }, said: { type: 'string', default: '' } },
});
if (values.admin === undefined) {
  console.error('Usage: npm run dashboards -- --admin URL [--seconds N] [--said TEXT]');
  process.exit(64);
}
const everyMs = 5_000;
const pages: Page[] = [];
for (const endMs = Date.now() + 1_000 * Number(values.seconds); Date.now() < endMs; await sleep(everyMs)) {
  const answer = await fetch(new URL('/metrics', values.admin)).catch(() => undefined);
  if (answer === undefined) break; // the server has ended: what it was until then is drawn
  pages.push(pageOf(await answer.text(), Date.now() / 1_000));
}
if (pages.length < 2) throw new Error(`${values.admin} was scraped ${pages.length} times: two are needed.`);
for (const file of readdirSync(dashboards)) {
  const dashboard = JSON.parse(readFileSync(join(dashboards, file), 'utf8')) as Dashboard;
  const to = join(root, 'docs/operating', `dashboard-${file.replace('.json', '.svg')}`);
  writeFileSync(to, pictureOf(dashboard, pages, values.said));
  console.log(to);
}
