import type { DestinationStream } from 'pino';

/** The fields of an error in a log line. */
type Known = { readonly type: string; readonly message: string; readonly code?: string; readonly stack?: string };
export type ErrorFields = Known & { readonly cause?: ErrorFields };

/** The longest chain of causes. */
const causesMax = 5;

/**
 * An error for the log. Only a defect of the server has a stack: for an error of the network, the disk or the database
 * it adds nothing to the message.
 * @param whole log every stack: at log level debug
 */
export function errorFields(error: unknown, whole: boolean, depth = 0): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { code } = error as { readonly code?: unknown };
  return {
    type: error.name,
    message: messageOf(error),
    ...(typeof code === 'string' && { code }),
    ...((whole || !isFromOutside(error)) && error.stack !== undefined && { stack: error.stack }),
    ...(error.cause !== undefined && depth < causesMax && { cause: errorFields(error.cause, whole, depth + 1) }),
  };
}

/** One of several addresses that all failed has no message of its own. */
export function messageOf(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  return [...new Set(error.errors.map((one) => (one instanceof Error ? one.message : String(one))))].join('; ');
}

/** libuv's codes, OpenSSL's for certificates, and SQLSTATE classes 08 (connection), 53 (resources), 57 (operator). */
const outside = /^(E[A-Z0-9]+|CERT_\w+|UNABLE_TO_\w+|SELF_SIGNED_\w+|DEPTH_ZERO_\w+|ERR_TLS_\w+|(08|53|57)[0-9A-Z]{3})$/;

function isFromOutside(error: Error, depth = 0): boolean {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
  if (typeof code === 'string' && outside.test(code)) return true;
  return cause instanceof Error && depth < causesMax && isFromOutside(cause, depth + 1);
}

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

const valueText = (value: unknown) => (typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value));

function errorText(error: ErrorFields | undefined): string {
  if (error === undefined) return '';
  const text = error.stack ?? `${error.type}: ${error.message}`;
  const lines = text.split('\n').map((line) => `         ${line}\n`);
  return `${lines.join('')}${error.cause === undefined ? '' : errorText({ ...error.cause, type: `caused by ${error.cause.type}` })}`;
}
