-- As the migrations have made it: a change here needs a migration with the same text.

-- Messages of a conversation that match a full-text query, from the newest to the oldest, with a last row that says
-- where the search stopped. It reads them in the order of the page by the index of history, and neither more rows nor
-- more bytes than it may. docs/reference/chat.md says why there is no index of words.
CREATE OR REPLACE FUNCTION chat_search(conversation uuid, who text, after bigint, before bigint, language regconfig, query tsquery,
  most bigint, rows_most bigint, bytes_most bigint)
RETURNS TABLE (match_seq bigint, stopped_at bigint)
LANGUAGE plpgsql STABLE ROWS 100 SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off AS $$
DECLARE
  e record;
  matches bigint := 0;
  seen bigint := 0;
  bytes bigint := 0;
BEGIN
  FOR e IN SELECT v.seq, v.sender_kind, v.sender_id, v.text, v.number FROM chat_events v
    WHERE v.conversation_id = conversation AND v.seq > after AND v.seq < before ORDER BY v.seq DESC LIMIT rows_most
  LOOP
    seen := seen + 1;
    bytes := bytes + coalesce(octet_length(e.text), 0);
    IF e.number IS NOT NULL AND e.text IS NOT NULL AND to_tsvector(language, e.text) @@ query THEN
      IF NOT EXISTS (SELECT FROM chat_hidden h WHERE h.user_id = who AND h.conversation_id = conversation AND h.seq = e.seq)
        AND NOT EXISTS (SELECT FROM chat_blocks b WHERE b.user_id = who AND b.blocked_id = e.sender_id AND e.sender_kind = 'user') THEN
        match_seq := e.seq; stopped_at := NULL; matches := matches + 1;
        RETURN NEXT;
      END IF;
    END IF;
    IF matches >= most OR seen >= rows_most OR bytes >= bytes_most THEN
      match_seq := NULL; stopped_at := e.seq;
      RETURN NEXT;
      RETURN;
    END IF;
  END LOOP;
  match_seq := NULL; stopped_at := 0;
  RETURN NEXT;
END $$;
