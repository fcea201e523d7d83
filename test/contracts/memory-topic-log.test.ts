import { openMemoryLog } from './memory-topic-log.ts';
import { topicLogContract } from './topic-log.ts';
import { topicLogTable } from './topic-log-table.ts';

topicLogContract('memory', openMemoryLog);
topicLogTable('memory', openMemoryLog);
