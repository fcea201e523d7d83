-- As the migrations have made it: a change here needs a migration with the same text.

-- Called by servers of the release before, which run beside newer ones during an upgrade and after a rollback.
CREATE OR REPLACE FUNCTION push_clear(conversation uuid, who text, reader text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM push_clear(conversation, who, reader, interval '2 seconds', interval '1 day', 100);
END $$;

-- A device that was pushed messages up to what its user has read gets a push that says so, but for the device that read
-- them. Called in the transaction of the receipt, or of the push, with the member's row locked before.
-- @param together reading goes on message by message: one push is for all that is read within this time
CREATE OR REPLACE FUNCTION push_clear(conversation uuid, who text, reader text, together interval, lifetime interval, waiting_max integer)
RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  read bigint;
BEGIN
  SELECT read_seq INTO read FROM chat_members WHERE conversation_id = conversation AND user_id = who;
  -- in the order of those who record pushes
  PERFORM FROM push_shown p JOIN push_tokens t ON t.session_id = p.session_id
    WHERE t.user_id = who AND p.conversation_id = conversation AND p.oldest_seq <= read ORDER BY p.session_id FOR UPDATE OF p;
  IF NOT FOUND THEN RETURN; END IF;
  WITH shown AS (
    SELECT t.session_id, t.provider, t.device FROM push_shown p JOIN push_tokens t ON t.session_id = p.session_id
    WHERE t.user_id = who AND p.conversation_id = conversation AND p.oldest_seq <= read
  ), other AS (
    SELECT * FROM shown WHERE reader IS NULL OR reader NOT IN (device, session_id::text)
  ), merged AS (
    UPDATE push_queue q SET seq = greatest(q.seq, read) FROM other o
    WHERE q.session_id = o.session_id AND q.kind = 'read' AND q.conversation_id = conversation AND NOT q.leased
    RETURNING q.session_id
  )
  INSERT INTO push_queue (session_id, provider, kind, conversation_id, seq, due_at, expires_at)
  SELECT o.session_id, o.provider, 'read', conversation, read, now() + together, now() + lifetime FROM other o
  WHERE NOT EXISTS (SELECT FROM merged g WHERE g.session_id = o.session_id)
    AND (SELECT count(*) FROM (SELECT FROM push_queue q WHERE q.session_id = o.session_id LIMIT waiting_max) AS few) < waiting_max;
  DELETE FROM push_shown p USING push_tokens t
    WHERE t.user_id = who AND p.session_id = t.session_id AND p.conversation_id = conversation AND p.newest_seq <= read;
  UPDATE push_shown p SET oldest_seq = read + 1 FROM push_tokens t
    WHERE t.user_id = who AND p.session_id = t.session_id AND p.conversation_id = conversation AND p.oldest_seq <= read;
END $$;
