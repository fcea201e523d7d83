/** The tables of migrations/core for Kysely. */
export type Database = {
  readonly sessions: SessionsTable;
  readonly used_nonces: { readonly nonce_hash: Buffer; readonly expires_at: Date };
};

export type SessionsTable = {
  id: string;
  user_id: string;
  device_platform: string;
  device_name: string;
  installation_id: string;
  scopes: string[];
  claims: Record<string, string>;
  signed_in_at: Date;
  last_seen_at: Date;
  generation: number;
  refresh_hash: Buffer;
  advanced_at: Date;
  repeated_generation: number;
  repeats_in_a_row: number;
  revoked_at: Date | null;
  revoked_because: string | null;
};
