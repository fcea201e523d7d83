import { Fault } from '../kit/fault.ts';
import { type CoreReason, type StatusName, statusCodes } from '../kit/reasons.ts';
import { StatusError } from '../kit/status-error.ts';
import { type Close, closeFor, comeBack } from './close-advice.ts';

const passing = new Set<number>(
  (['CANCELLED', 'UNKNOWN', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'ABORTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'] satisfies StatusName[]).map(
    (name) => statusCodes[name],
  ),
);
const names = new Map<number, string>(Object.entries(statusCodes).map(([name, code]) => [code, name]));

/** Whether a failed computation says nothing about its answer. A service that refuses the call has answered. */
export function mayPass(error: unknown): boolean {
  return error instanceof StatusError && passing.has(error.code) && reasonOf(error) !== ('UPSTREAM_REFUSED' satisfies CoreReason);
}

/** The reason of an error; the name of its status where an upstream gave none. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof StatusError ? error.cause : error;
  if (cause instanceof Fault) return cause.reason;
  return error instanceof StatusError ? (names.get(error.code) ?? 'UNKNOWN') : 'INTERNAL';
}

/** A close for an error. */
export function closeOf(error: unknown): Close {
  const known = error instanceof StatusError || error instanceof Fault;
  const close = closeFor(reasonOf(error), known ? error.message : 'The server failed by a defect.');
  return mayPass(error) ? comeBack(close) : close;
}

/** Whether the log must have the cause. */
export const isDefect = (error: unknown) => !(error instanceof Fault) && !(error instanceof StatusError);

/** What a client is answered: the value, or why there is none. @param report receives a defect */
export async function outcomeOf<T>(work: Promise<T>, report: (defect: unknown) => void) {
  try {
    return { value: await work, reason: '', message: '' };
  } catch (error) {
    if (isDefect(error)) report(error);
    const { reason, message } = closeOf(error);
    return { value: undefined, reason, message };
  }
}
