// The same for the chat: what it adds to the table is its own cases' to show.
import { caseTests } from './case-file.ts';
import { played } from './chat-cases.ts';

caseTests('chat-cases.json', played);
