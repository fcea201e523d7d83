/** What people read, by reason: our own, and core's that clients show most. */
export const de = {
  ORDER_UNKNOWN: 'Wir finden diese Bestellung nicht.',
  PROFILE_UNKNOWN: 'Wir finden dein Konto nicht.',
  DEADLINE_EXCEEDED: 'Das hat zu lange gedauert. Bitte versuche es noch einmal.',
  SESSION_REVOKED: 'Du wurdest abgemeldet. Bitte melde dich neu an.',
  TOKEN_EXPIRED: 'Deine Anmeldung ist abgelaufen.',
  UPSTREAM_DOWN: 'Das ist gerade nicht erreichbar. Bitte versuche es gleich noch einmal.',
} as const;
