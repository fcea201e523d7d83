-- As the migrations have made it: a change here needs a migration with the same text.

-- Creates the partitions of this month and of those that follow. The app calls it, too, whose role may own no tables.
CREATE OR REPLACE FUNCTION chat_prepare_partitions(months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  month timestamptz := date_trunc('month', now(), 'UTC');
  ends timestamptz;
  name text;
  made integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(7306371303);
  FOR i IN 0 .. months LOOP
    ends := date_trunc('month', month + interval '45 days', 'UTC');
    name := 'chat_events_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
    IF to_regclass(name) IS NULL AND NOT EXISTS (SELECT FROM chat_events_other WHERE sent_at >= month AND sent_at < ends) THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF chat_events FOR VALUES FROM (%L) TO (%L)', name, month, ends);
      EXECUTE format('CREATE UNIQUE INDEX %I ON %I (conversation_id, seq)', name || '_once', name);
      made := made + 1;
    END IF;
    month := ends;
  END LOOP;
  RETURN made;
END $$;
