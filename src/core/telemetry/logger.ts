import pino, { type DestinationStream, type Logger } from 'pino';
import type { Log } from '../ports/log.ts';
import { errorFields } from './error-fields.ts';

export type LogOptions = {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly service: { readonly name: string; readonly version: string };
  readonly destination: DestinationStream;
};

/** Never in a line, wherever a caller puts them. Messages with `debug_redact` fields are never logged at all. */
const secretKeys = ['authorization', 'token', 'accessToken', 'refreshToken', 'idToken', 'nonce', 'password', 'secret', 'cookie', 'refreshKey'];

/** JSON lines: time, level, msg, who writes, and the fields of the line. */
export function jsonLog({ level, service, destination }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: { 'service.name': service.name, 'service.version': service.version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      errorKey: 'error',
      serializers: { error: (error: unknown) => errorFields(error, level === 'debug') },
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
    },
    destination,
  );
  return logOf(logger);
}

function logOf(logger: Logger): Log {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  };
}

/** Lines that wait for a reader that is slow, in bytes; over it they are dropped. */
const waitingBytesMax = 16_777_216;

/** Where the process writes its lines: standard output, unless another descriptor is given. What it cannot take is lost, and takes no call down: there is no other place to say it. */
export function processDestination(descriptor = 1) {
  const destination = pino.destination({ dest: descriptor, sync: false, maxLength: waitingBytesMax });
  destination.on('error', () => {
    destination.flushSync = () => {}; // on a full disk it would try for ever, and the process could not end
  });
  return destination;
}
