import type { Bus } from '../../src/core/ports/bus.ts';

export type LossyBus = Bus & {
  /** Loses messages from here on, without a trace, or no longer. */ lose(on: boolean): void /** How many were lost. */;
  lost(): number;
};

/** A bus whose messages can be lost on the way to this replica. */
export function lossyBus(bus: Bus): LossyBus {
  let losing = false;
  let lost = 0;
  return {
    publish: bus.publish,
    subscribe: (topic, { onMessage, onGap }, signal) => {
      const whole = (bytes: Uint8Array) => {
        if (losing) lost++;
        else onMessage(bytes);
      };
      return bus.subscribe(topic, { onGap, onMessage: whole }, signal);
    },
    lost: () => lost,
    lose: (on) => {
      losing = on;
    },
  };
}
