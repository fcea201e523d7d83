/** The configured database cannot be used. */
export class DatabaseError extends Error {}
