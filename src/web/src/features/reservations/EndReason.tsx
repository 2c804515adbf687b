const WORDS: Readonly<Record<string, string>> = {
  expired: 'Its time was up.',
  released: 'Released by its holder.',
  released_by_admin: 'Released by an admin.',
  user_removed: 'Its user was removed.',
  preparation_failed: 'It could not be prepared.',
};

/** Why a reservation is over; the server's own word where this page knows no better. */
export function EndReason({ reason }: { reason: string | null }) {
  return reason === null ? null : (WORDS[reason] ?? reason);
}
