// A dashboard as one SVG: its panels at their places, with the lines of their queries over scraped pages.
import { type Page, queryOf } from './queries.ts';

export type Dashboard = { readonly title: string; readonly panels: readonly Panel[] };
type Panel = {
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat?: string }[];
  readonly fieldConfig?: { readonly defaults?: { readonly unit?: string } };
};
type Line = { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] };

/** Of Okabe and Ito: people who see colours otherwise can distinguish them. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#999999'];
/** Of a column and a row of the grid, which has 24 columns. */
const [column, row, head] = [50, 24, 40];
/** Names beside their last value, below each other. The largest lines are named. */
const namesMax = 6;

/** @param said what the values are of */
export function pictureOf({ title, panels }: Dashboard, pages: readonly Page[], said: string): string {
  const rows = panels.reduce((most, { gridPos }) => Math.max(most, gridPos.y + gridPos.h), 0);
  const [width, height] = [24 * column, head + rows * row];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="10">
<rect width="100%" height="100%" fill="#f4f5f5"/>
<text x="8" y="24" font-size="16" font-weight="bold">${escaped(title)}</text>
<text x="${width - 8}" y="24" text-anchor="end">${escaped(said)}</text>
${panels.map((panel) => panelOf(panel, pages)).join('\n')}
</svg>
`;
}

function panelOf({ type, title, gridPos, targets = [], fieldConfig }: Panel, pages: readonly Page[]): string {
  const [w, h] = [gridPos.w * column - 6, gridPos.h * row - 6];
  const open = `<g data-panel="${escaped(title)}" transform="translate(${gridPos.x * column + 3} ${head + gridPos.y * row})">`;
  if (type === 'row') return `${open}<text x="4" y="16" font-size="13" font-weight="bold">${escaped(title)}</text></g>`;
  const lines = targets.flatMap(({ expr, legendFormat = '' }) => linesOf(expr, legendFormat, pages));
  const unit = fieldConfig?.defaults?.unit ?? '';
  return `${open}<rect width="${w}" height="${h}" fill="white" stroke="#ddd"/>
<text x="6" y="14" font-size="11" font-weight="bold">${escaped(title)}</text>
${lines.length === 0 ? `<text x="${w / 2}" y="${h / 2}" text-anchor="middle" fill="#777">No data</text>` : plotOf(lines, unit, pages, [w, h])}</g>`;
}

function linesOf(expr: string, legend: string, pages: readonly Page[]): readonly Line[] {
  const query = queryOf(expr, pages);
  const lines = new Map<string, [number, number][]>();
  for (const [at, { atSeconds }] of pages.entries())
    for (const { labels, value } of query(at)) {
      if (!Number.isFinite(value)) continue;
      const name = legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '');
      const points = lines.get(name) ?? [];
      lines.set(name, points);
      points.push([atSeconds, value]);
    }
  return [...lines].map(([name, points]) => ({ name, points }));
}

function plotOf(lines: readonly Line[], unit: string, pages: readonly Page[], [w, h]: readonly [w: number, h: number]): string {
  const last = ({ points }: Line) => points.at(-1)?.[1] ?? 0;
  const sorted = [...lines].sort((a, b) => last(b) - last(a));
  const named = sorted.slice(0, namesMax);
  const [left, top, bottom] = [46, 24, h - 12 - 12 * (named.length + (sorted.length > namesMax ? 1 : 0))];
  const [from, to] = [pages[0]?.atSeconds ?? 0, pages.at(-1)?.atSeconds ?? 1];
  const most = sorted.flatMap(({ points }) => points.map(([, y]) => y)).reduce((a, b) => Math.max(a, b), 0) || 1;
  const x = (seconds: number) => Math.round(left + ((seconds - from) / (to - from || 1)) * (w - left - 8));
  const y = (value: number) => Math.round(bottom - (value / most) * (bottom - top));
  const parts = [0, most / 2, most].map(
    (value) =>
      `<path d="M${left} ${y(value)}H${w - 8}" stroke="#eee"/><text x="${left - 4}" y="${y(value) + 3}" text-anchor="end">${short(value, unit)}</text>`,
  );
  for (const [i, { points }] of sorted.entries())
    parts.push(
      `<polyline points="${points.map(([seconds, value]) => `${x(seconds)},${y(value)}`).join(' ')}" fill="none" stroke="${colours[i % colours.length]}"/>`,
    );
  for (const [i, line] of named.entries())
    parts.push(
      `<text x="8" y="${bottom + 14 + 12 * i}" fill="${colours[i % colours.length]}">${escaped(line.name)} ${short(last(line), unit)}</text>`,
    );
  if (sorted.length > namesMax) parts.push(`<text x="8" y="${bottom + 14 + 12 * namesMax}" fill="#777">and ${sorted.length - namesMax} more</text>`);
  return parts.join('\n');
}

function short(value: number, unit: string): string {
  if (unit === 'percentunit') return `${Number((100 * value).toPrecision(3))} %`;
  if (unit === 's' && value > 0 && value < 1) return `${Number((1_000 * value).toPrecision(3))} ms`;
  const [size, sign] = [[1e9, 'G'] as const, [1e6, 'M'] as const, [1e3, 'k'] as const].find(([least]) => value >= least) ?? [1, ''];
  return `${Number((value / size).toPrecision(3))}${sign}${unit === 's' ? ' s' : unit === 'bytes' ? 'B' : ''}`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
