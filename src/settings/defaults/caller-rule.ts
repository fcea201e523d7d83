import { z } from 'zod';
import { text } from '../value-formats.ts';

/** The kinds of rules for what has a name. */
export const ruleKind = z.enum(['users', 'owner', 'claim', 'method']);

/** What the kinds need besides. @param key of the kind */
export const ruleFields = (key: string) => ({
  claim: text().optional().describe(`With \`${key}: claim\`: a claim of the access token, such as "tenant".`),
  method: text()
    .optional()
    .describe(
      `With \`${key}: method\`: a cached unary method of this server, such as "app.v1.OrderService/GetOrder", not SCOPE_SHARED. It is called again when its answer is invalidated.`,
    ),
  field: text().optional().describe(`With \`${key}: method\`: a text field of its request, such as "order_id".`),
});
