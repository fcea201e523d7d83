-- Functions find their rows by indexes, whatever the tables were like when a connection planned them. A connection keeps
-- the plans of functions until a table is analysed anew: planned while a table was empty or small, and was known to be,
-- each message read the whole of it.
ALTER FUNCTION chat_append(uuid, jsonb) SET enable_seqscan = off;
ALTER FUNCTION chat_receive(uuid, text, text, bigint, bigint) SET enable_seqscan = off;
ALTER FUNCTION chat_expire(uuid, timestamptz, integer) SET enable_seqscan = off;
ALTER FUNCTION push_clear(uuid, text, text, interval, interval, integer) SET enable_seqscan = off;
