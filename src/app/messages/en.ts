/** Texts for users, by reason. */
export const en = {
  ORDER_UNKNOWN: 'We cannot find this order.',
  PROFILE_UNKNOWN: 'We cannot find your account.',
} as const;
