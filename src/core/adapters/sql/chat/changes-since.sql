-- As the migrations have made it: a change here needs a migration with the same text.

-- Which history of which database this is: a sync token of another one is not of use here. A server that is promoted
-- after a fail-over, or restored to a point in time, has a new timeline, and gives the transaction ids after it again,
-- to other transactions. NULL: the server does not say it, and no token can be trusted.
CREATE OR REPLACE FUNCTION chat_database_id() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  history text;
BEGIN
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'a standby gives no sync tokens' USING ERRCODE = 'read_only_sql_transaction';
  END IF;
  BEGIN
    -- A file of the log has its timeline first. The control file has an older one until the first checkpoint after it.
    SELECT concat_ws(' ', (SELECT system_identifier FROM pg_control_system()), left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))
      INTO history;
  EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_function OR object_not_in_prerequisite_state THEN
    RETURN NULL;
  END;
  RETURN (SELECT encode(substr(sha256(convert_to(concat_ws(' ', id, history), 'UTF8')), 1, 16), 'hex') FROM chat_database)::uuid;
END $$;
