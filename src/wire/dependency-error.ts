/** The configured database or Redis cannot be used. */
export class DependencyError extends Error {}
