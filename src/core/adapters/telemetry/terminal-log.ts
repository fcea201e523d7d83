import type { DestinationStream } from 'pino';
import type { CallRecorder } from '../../ports/call-record.ts';
import type { WriteLine } from './access-log.ts';
import { statusNames } from './failed-calls.ts';
import type { ErrorFields } from './logger.ts';

/** Converts the lines of the JSON log to text for a terminal. */
export function textDestination(write: (text: string) => void): DestinationStream {
  return { write: (line) => write(textLine(line)) };
}

/** Fields that are hidden: the same in every line, and useful only to programs. */
const hidden = new Set(['level', 'time', 'msg', 'error', 'service.name', 'service.version', 'pid', 'hostname']);

/** "15:16:15 warn  The database is unavailable. attempts=3", with the error below it. @param line of JSON */
export function textLine(line: string): string {
  const fields = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const clock = String(fields.time).slice(11, 19); // UTC, as in every other log
  const others = Object.entries(fields).filter(([key]) => !hidden.has(key));
  const shown = others.map(([key, value]) => ` ${key}=${valueText(value)}`).join('');
  return `${clock} ${String(fields.level).padEnd(5)} ${fields.msg}${shown}\n${errorText(fields.error as ErrorFields | undefined)}`;
}

const valueText = (value: unknown) => (typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : printable(JSON.stringify(value)));

/** A terminal obeys control characters, and a text may be a client's. */
function printable(line: string): string {
  return line.replace(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function errorText(error: ErrorFields | undefined): string {
  if (error === undefined) return '';
  const text = error.stack ?? `${error.type}: ${error.message}`;
  const lines = text.split('\n').map((line) => `         ${printable(line)}\n`);
  return `${lines.join('')}${error.cause === undefined ? '' : errorText({ ...error.cause, type: `caused by ${error.cause.type}` })}`;
}

/** The access log for a terminal. */
export function shortLog(write: WriteLine): Pick<CallRecorder, 'opened' | 'ended'> {
  return {
    opened: ({ plan }) => write(`  ${plan.method} opened\n`),
    ended: ({ plan, code, reason, durationMs, annotations, upstreams }) => {
      const cached = annotations?.get('portico.cache.result');
      const parts = [
        statusNames[code],
        reason,
        `${durationMs.toFixed(1)} ms`,
        cached === undefined ? undefined : `cache ${cached}`,
        upstreams.length === 0 ? undefined : `${upstreams.length} upstream calls`,
      ];
      write(`  ${plan.method} ${parts.filter((part) => part !== undefined).join(', ')}\n`);
    },
  };
}
