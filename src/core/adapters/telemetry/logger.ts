import pino, { type DestinationStream, type Logger } from 'pino';
import { clip } from '../../kit/clip-text.ts';
import type { Log } from '../../ports/log.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;

export type LogOptions = {
  readonly level: (typeof logLevels)[number];
  readonly service: { readonly name: string; readonly version: string };
  readonly destination: DestinationStream;
};

/** Fields that are never logged, wherever they occur. Messages with `debug_redact` fields are never logged at all. */
const secretKeys = ['authorization', 'token', 'accessToken', 'refreshToken', 'idToken', 'nonce', 'password', 'secret', 'cookie', 'refreshKey'];

/** JSON lines: time, level, msg, the writer, and the fields of the line. Its level may be changed. */
export function jsonLog({ level, service, destination }: LogOptions): Log & { level: LogOptions['level'] } {
  const logger: Logger = pino(
    {
      level,
      base: { 'service.name': service.name, 'service.version': service.version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      errorKey: 'error',
      serializers: { error: (error: unknown) => errorFields(error, logger.level === 'debug') },
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
    },
    destination,
  );
  return logOf(logger);
}

function logOf(logger: Logger): Log & { level: LogOptions['level'] } {
  return {
    get level() {
      return logger.level as LogOptions['level'];
    },
    set level(level) {
      logger.level = level;
    },
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  };
}

/** The bytes of lines that may wait for a slow reader. Beyond it lines are dropped. */
const waitingBytesMax = 16_777_216;

/**
 * The destination of lines: standard output, unless another descriptor is given. Lines that it does not accept are
 * lost, and fail no call.
 */
export function processDestination(descriptor = 1) {
  const destination = pino.destination({ dest: descriptor, sync: false, maxLength: waitingBytesMax });
  destination.on('error', () => {
    destination.flushSync = () => {}; // on a full disk it would retry for ever, and the process could not end
  });
  return destination;
}

/** The fields of an error in a log line. */
type Known = { readonly type: string; readonly message: string; readonly code?: string; readonly stack?: string };
export type ErrorFields = Known & { readonly cause?: ErrorFields };

/** The longest chain of causes. */
const causesMax = 5;

/** A message may quote what a client or an internal service has sent. Bytes of it, and of the lines of a stack. */
const [messageBytesMax, stackBytesMax] = [2_048, 8_192];

/**
 * An error for the log. Only a defect of the server has a stack: for an error of the network, the disk or the database
 * it adds nothing to the message.
 * @param whole log every stack: at log level debug
 */
export function errorFields(error: unknown, whole: boolean, depth = 0): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error, message: clip(String(error), messageBytesMax) };
  const { code } = error as { readonly code?: unknown };
  return {
    type: error.name,
    message: clip(messageOf(error), messageBytesMax),
    ...(typeof code === 'string' && { code }),
    ...((whole || !isFromOutside(error)) && error.stack !== undefined && { stack: clippedStack(error.stack) }),
    ...(error.cause !== undefined && depth < causesMax && { cause: errorFields(error.cause, whole, depth + 1) }),
  };
}

/** A stack begins with the message, which is clipped by itself. */
function clippedStack(stack: string): string {
  const at = stack.indexOf('\n    at ');
  const message = at === -1 ? stack : stack.slice(0, at);
  return clip(message, messageBytesMax) + clip(stack.slice(message.length), stackBytesMax);
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
