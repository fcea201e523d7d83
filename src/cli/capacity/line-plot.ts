/** A line of a plot: y by x. */
export type Line = { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] };

export type Plot = {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
  /** A horizontal line, such as a limit. */
  readonly limit?: { readonly name: string; readonly y: number };
};

/** Of Okabe and Ito: people who see colours otherwise can distinguish them. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];
const [width, height] = [860, 260];
const [left, right, top, bottom] = [90, 20, 34, 44];
const ticks = 5;
/** The names of the lines stand beside the title. */
const legend = { from: 450, each: 110 };

/** Plots below each other, as one SVG. */
export function svgOf(plots: readonly Plot[]): string {
  const all = plots.map((plot, i) => `<g transform="translate(0 ${i * height})">\n${plotOf(plot)}\n</g>`);
  const size = `width="${width}" height="${height * plots.length}" viewBox="0 0 ${width} ${height * plots.length}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
${all.join('\n')}
</svg>
`;
}

function plotOf({ title, x, y, lines, limit }: Plot): string {
  const points = lines.flatMap((line) => line.points);
  const [xLeast, xMost] = [least(points.map((point) => point[0])), most(points.map((point) => point[0]))];
  const yMost = 1.15 * most([...points.map((point) => point[1]), limit?.y ?? 0]) || 1;
  const atX = (value: number) => round(left + ((value - xLeast) / (xMost - xLeast || 1)) * (width - left - right));
  const atY = (value: number) => round(height - bottom - (value / yMost) * (height - top - bottom));
  const text = ([xAt, yAt]: readonly [x: number, y: number], words: string, anchor = 'start', more = '') =>
    `<text x="${xAt}" y="${yAt}" text-anchor="${anchor}"${more}>${escaped(words)}</text>`;
  const parts = [text([left, 20], title, 'start', ' font-weight="bold"')];
  for (let i = 0; i <= ticks; i++) {
    const [xValue, yValue] = [xLeast + ((xMost - xLeast) * i) / ticks, (yMost * i) / ticks];
    parts.push(`<line x1="${left}" x2="${width - right}" y1="${atY(yValue)}" y2="${atY(yValue)}" stroke="#ddd"/>`);
    parts.push(text([left - 6, atY(yValue) + 4], short(yValue), 'end'), text([atX(xValue), height - bottom + 16], short(xValue), 'middle'));
  }
  parts.push(text([(left + width - right) / 2, height - 8], x, 'middle'), text([width - right, 20], y, 'end'));
  if (limit !== undefined) {
    parts.push(`<line x1="${left}" x2="${width - right}" y1="${atY(limit.y)}" y2="${atY(limit.y)}" stroke="black" stroke-dasharray="5 4"/>`);
    parts.push(text([width - right - 4, atY(limit.y) - 4], limit.name, 'end'));
  }
  for (const [i, line] of lines.entries()) {
    const colour = colours[i % colours.length];
    const path = line.points.map(([xValue, yValue]) => `${atX(xValue)},${atY(yValue)}`).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`);
    parts.push(text([left + legend.from + i * legend.each, 20], line.name, 'start', ` fill="${colour}"`));
  }
  return parts.join('\n');
}

const least = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
const round = (value: number) => Math.round(value * 10) / 10;

/** 12000 becomes 12k. */
function short(value: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const)
    if (value >= size) return `${Number((value / size).toPrecision(3))}${unit}`;
  return String(Number(value.toPrecision(3)));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
