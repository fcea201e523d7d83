import type { Meter } from '@opentelemetry/api';

/** A value that goes up and down, read at each collection. */
export function observeGauge(meter: Meter, name: string, description: string, read: () => number): void {
  meter.createObservableGauge(name, { description }).addCallback((observed) => observed.observe(read()));
}

/** A sum that only grows, read at each collection: counting it costs an addition. */
export function observeCounter(meter: Meter, name: string, description: string, read: () => number): void {
  meter.createObservableCounter(name, { description }).addCallback((observed) => observed.observe(read()));
}
