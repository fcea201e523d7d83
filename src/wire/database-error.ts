/** A database that cannot be used as it is set. */
export class DatabaseError extends Error {}
