import pino, { type DestinationStream, type Logger } from 'pino';
import type { Log } from '../../ports/log.ts';
import { errorFields } from './log-line-format.ts';

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
