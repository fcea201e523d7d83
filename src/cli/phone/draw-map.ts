import type { Position } from '../../gen/couriers/v1/courier.ts';

/** Half of what the map shows, in degrees of latitude: the widest circle of a courier of the sample, and a margin. */
const halfHeight = 0.022;
/** A degree of longitude is shorter than one of latitude in Leipzig, by cos 51.3°. */
const halfWidth = halfHeight * 1.6;

export type Mark = { readonly mark: string; readonly position: Position };

/**
 * A map as lines of text, with a `+` in its centre. What is outside stands at its edge.
 * @param marks each of one character; a later one covers an earlier one at the same place
 */
export function mapLines(
  marks: readonly Mark[],
  centre: Position,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): readonly string[] {
  const cells = Array.from({ length: rows }, () => Array.from({ length: columns }, () => '·'));
  for (const { mark, position } of [{ mark: '+', position: centre }, ...marks]) {
    const row = cellOf((centre.latitude - position.latitude) / halfHeight, rows);
    const column = cellOf((position.longitude - centre.longitude) / halfWidth, columns);
    const line = cells[row];
    if (line !== undefined) line[column] = mark;
  }
  return cells.map((line) => line.join(''));
}

/** @param part from -1 to 1 */
function cellOf(part: number, count: number): number {
  return Math.min(count - 1, Math.max(0, Math.round(((part + 1) / 2) * (count - 1))));
}
