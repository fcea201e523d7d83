// An internal service, with the example of our docs: it answers with the number of its answers, which are about order
// 42, and reports what it reads.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { type CallContext, createServer } from 'nice-grpc';
import { PromotionServiceDefinition } from '../../../src/gen/promotions/v1/promotion.ts';

type Changes = {
  orderChanged(orderId: string): Promise<void>;
  courierMoved(orderId: string, eventId: string, payload: Uint8Array): Promise<void>;
  close(): void;
};
type Example = {
  openChanges(address: string, caFile: string, token: string): Changes;
  answersAbout(context: CallContext, orderIds: readonly string[]): void;
};

const { openChanges, answersAbout } = (await import(pathToFileURL(process.argv[2] ?? '').href)) as Example;
let answers = 0;
const server = createServer();
server.add(PromotionServiceDefinition, {
  listPromotions: async (_request, context) => {
    answersAbout(context, ['42']);
    return { promotions: [{ promotionId: '1', title: String(++answers) }] };
  },
});
console.log(`127.0.0.1:${await server.listen('127.0.0.1:0')}`);
let changes: Changes | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const [command = '', ...words] = line.split(' ');
  const [first = '', second = '', third = ''] = words;
  if (command === 'connect') changes = openChanges(first, second, third);
  else if (command === 'changed') await changes?.orderChanged(first);
  else await changes?.courierMoved(first, second, Buffer.from(third));
  console.log(`done ${command}`);
}
changes?.close();
server.forceShutdown();
