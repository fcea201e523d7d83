-- As the migrations have made it: a change here needs a migration with the same text.

-- Pages of a conversation's events, in order. The planner is kept from reading and sorting the whole of a long one.
CREATE OR REPLACE FUNCTION chat_events_after(conversation uuid, after bigint, most bigint) RETURNS SETOF chat_events
LANGUAGE plpgsql STABLE ROWS 100 SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off AS $$
BEGIN
  RETURN QUERY SELECT * FROM chat_events WHERE conversation_id = conversation AND seq > after ORDER BY seq LIMIT most;
END $$;

-- Those between two places, from the end; `before` NULL: from the newest one.
CREATE OR REPLACE FUNCTION chat_events_before(conversation uuid, after bigint, before bigint, most bigint) RETURNS SETOF chat_events
LANGUAGE plpgsql STABLE ROWS 100 SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off AS $$
BEGIN
  RETURN QUERY SELECT * FROM chat_events
    WHERE conversation_id = conversation AND seq > after AND seq < coalesce(before, 9223372036854775807) ORDER BY seq DESC LIMIT most;
END $$;
