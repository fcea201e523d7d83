-- As the migrations have made it: a change here needs a migration with the same text.

-- Deletes events of a conversation that are older than a moment, the oldest first, so many at most. It waits for nobody:
-- a conversation to which somebody sends now is left for later. @returns how many events; NULL: it was busy
CREATE OR REPLACE FUNCTION chat_expire(conversation uuid, older_than timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  c chat_conversations%ROWTYPE;
  upto bigint;
  next_at timestamptz;
  deleted integer;
BEGIN
  SELECT * INTO c FROM chat_conversations WHERE id = conversation FOR NO KEY UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN NULL; END IF;
  SELECT max(e.seq) FILTER (WHERE e.sent_at < older_than), min(e.sent_at) FILTER (WHERE e.sent_at >= older_than) INTO upto, next_at
    FROM chat_events_after(conversation, c.expired_seq, most + 1) e;
  IF upto IS NULL THEN
    -- nothing yet: to be looked at again when the oldest one that is kept, or any that may come, can be old enough
    UPDATE chat_conversations SET oldest_at = coalesce(next_at, clock_timestamp()) WHERE id = conversation;
    IF c.expired_seq > 0 THEN
      DELETE FROM chat_hidden h USING chat_members m
        WHERE m.conversation_id = conversation AND h.user_id = m.user_id AND h.conversation_id = conversation AND h.seq <= c.expired_seq;
    END IF;
    RETURN 0;
  END IF;
  upto := least(upto, c.expired_seq + most);
  DELETE FROM chat_events WHERE conversation_id = conversation AND seq > c.expired_seq AND seq <= upto;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  DELETE FROM chat_reactions WHERE conversation_id = conversation AND target_seq <= upto;
  DELETE FROM chat_outbox WHERE conversation_id = conversation AND seq <= upto;
  UPDATE chat_conversations SET expired_seq = upto, oldest_at = coalesce(next_at, oldest_at) WHERE id = conversation;
  RETURN deleted;
END $$;
