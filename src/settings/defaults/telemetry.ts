import { z } from 'zod';
import { text } from '../value-formats.ts';

export const telemetry = z
  .strictObject({
    sampleRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0.01)
      .describe('Fraction of traces that is recorded. Calls that fail through a fault of the server are always recorded.'),
    accessLog: text().default('stdout').describe('Destination of the access log: "stdout", "none", or a file.'),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('The lowest level that is logged.'),
    logFormat: z
      .enum(['auto', 'text', 'json'])
      .default('auto')
      .describe('json: one object per line. text: short lines for people. auto: text where `portico dev` writes to a terminal, else json.'),
  })
  .prefault({})
  .describe('Traces, metrics and logs. The standard OTEL_* variables configure OTLP exporters.');
