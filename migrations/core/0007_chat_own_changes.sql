-- A client that has a sync token knows what was hidden before its moment, which is a transaction.
ALTER TABLE chat_hidden ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
