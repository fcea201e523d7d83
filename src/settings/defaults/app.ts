import { z } from 'zod';
import { text } from '../value-formats.ts';

export const app = z
  .strictObject({
    services: z.array(text()).max(1_000).optional().describe('Full names of the served services, such as "app.v1.HomeService". Unset: all.'),
    errorDomain: text().default('portico').describe('`domain` of every ErrorInfo (AIP-193).'),
  })
  .prefault({})
  .describe("The company's own services.");
