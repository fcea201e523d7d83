// The cases that clients in other languages run too, run on ours; and the table of docs/mobile/connection.md, which is
// what they show.
import { caseTests } from './case-file.ts';
import { played } from './live-cases.ts';

caseTests('live-cases.json', played);
