import type { Position } from '../gen/couriers/v1/courier.ts';

/** The market square of Leipzig: the centre of the couriers' circles. */
export const centre: Position = { latitude: 51.3406, longitude: 12.3747 };
const earthMetres = 6_371_000;
/** The time of one circle of a courier. Seconds. */
const roundS = 600;

/** The position of a courier by number. Each rides its own circle, 0.8 to 3 km wide. */
export function positionOf(number: number, nowMs: number): Position {
  const angle = ((nowMs / 1_000 / roundS + number * 0.37) % 1) * 2 * Math.PI;
  const degrees = 0.008 + (number % 7) * 0.003;
  return { latitude: centre.latitude + degrees * Math.sin(angle), longitude: centre.longitude + degrees * 1.6 * Math.cos(angle) };
}

/** The distance of two places in metres, along a great circle (haversine formula). */
export function metresBetween(a: Position, b: Position): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const h =
    Math.sin(radians(b.latitude - a.latitude) / 2) ** 2 +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  return 2 * earthMetres * Math.asin(Math.sqrt(h));
}
