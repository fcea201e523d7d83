import { EventEmitter } from 'node:events';
import type { Meter } from '@opentelemetry/api';
import type { Log } from '../../core/ports/log.ts';

/** Reports a defect that ended one stream or one connection. */
export type ReportDefect = (where: 'stream' | 'connection', error: unknown) => void;

/** Logs each defect in full, and counts it. */
export function defectReports(log: Log, meter: Meter): ReportDefect {
  const defects = meter.createCounter('portico.defects', { description: 'Streams and connections that a defect of the server ended.' });
  return (where, error) => {
    defects.add(1, { where });
    log.error(`A ${where} failed by a defect.`, { error });
  };
}

/**
 * Confines an error of a listener to the stream or connection of its event. No other code could catch it, so it would
 * end the process with all its calls. Every event of an emitter passes through its `emit`, so listeners of Node and of
 * libraries are confined, too. The emitters of one kind share one function, because every call is an emitter.
 * @param failed reports the defect and ends the stream or connection
 * @returns confines the errors of an emitter
 */
export function confinerOf<Emitter extends EventEmitter>(failed: (emitter: Emitter, error: unknown) => void): (emitter: Emitter) => void {
  const { emit } = EventEmitter.prototype;
  function confined(this: Emitter, ...args: Parameters<EventEmitter['emit']>): boolean {
    try {
      return emit.apply(this, args);
    } catch (error) {
      failed(this, error);
      return true;
    }
  }
  return (emitter) => {
    emitter.emit = confined;
  };
}

/** Confines the errors of one emitter. */
export function confine(emitter: EventEmitter, failed: (error: unknown) => void): void {
  confinerOf((_, error) => failed(error))(emitter);
}
