-- Pages of a conversation's events, in order. Its partitions are each read by their index and merged, and no more than
-- a page is read. The planner knows how long conversations are on average: left alone it reads the whole of a long one
-- and sorts it. docs/reference/chat.md has the plans.

CREATE FUNCTION chat_events_after(conversation uuid, after bigint, most bigint) RETURNS SETOF chat_events
LANGUAGE plpgsql STABLE ROWS 100 SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off AS $$
BEGIN
  RETURN QUERY SELECT * FROM chat_events WHERE conversation_id = conversation AND seq > after ORDER BY seq LIMIT most;
END $$;

-- Those between two places, from the end; `before` NULL: from the newest one.
CREATE FUNCTION chat_events_before(conversation uuid, after bigint, before bigint, most bigint) RETURNS SETOF chat_events
LANGUAGE plpgsql STABLE ROWS 100 SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off AS $$
BEGIN
  RETURN QUERY SELECT * FROM chat_events
    WHERE conversation_id = conversation AND seq > after AND seq < coalesce(before, 9223372036854775807) ORDER BY seq DESC LIMIT most;
END $$;

-- Whether a group has an owner is asked when one may have left.
CREATE INDEX chat_members_owners ON chat_members (conversation_id) WHERE role = 'owner' AND left_seq IS NULL;
