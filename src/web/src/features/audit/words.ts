const WORDS: Readonly<Record<string, string>> = {
  'machine.registered': 'registered',
  'machine.updated': 'changed',
  'machine.deleted': 'deleted',
  'machine.ready': 'found ready',
  'machine.unreachable': 'found unreachable',
  'machine.quarantined': 'put in quarantine',
  'machine.cleaned': 'cleaned',
  'machine.verified': 'looked through, in order',
  'machine.drift': 'looked through, not in order',
  'reservation.made': 'made',
  'reservation.active': 'ready to use',
  'reservation.extended': 'end moved',
  'reservation.released': 'released',
  'reservation.machine_released': 'one machine given back',
  'reservation.machine_swapped': 'one machine swapped',
  'reservation.expired': 'time was up',
  'reservation.ended': 'ended, all clean',
  'reservation.failed': 'could not be prepared',
  'user.created': 'created',
  'user.updated': 'changed',
  'user.deleted': 'deleted',
  'limits.changed': 'limits changed',
  'user.signed_in': 'signed in',
  'token.created': 'API token made',
  'token.revoked': 'API token revoked',
  'terminal.opened': 'opened',
  'terminal.closed': 'closed',
  'user.sign_in_refused': 'sign-in refused',
  'user.password_changed': 'password changed',
  'user.second_factor_on': 'second factor turned on',
  'user.second_factor_off': 'second factor turned off',
  'user.second_factor_reset': 'second factor removed by an admin',
  'user.recovery_code_used': 'recovery code used',
  'user.recovery_codes_renewed': 'new recovery codes made',
  'session.ended': 'ended',
  'session.stolen': 'ended: used twice',
  'audit.pruned': 'old rows deleted',
};

/** An action in words; the server's own name where this page knows no better. */
export function actionWords(action: string): { kind: string; words: string } {
  const [kind = '', ...rest] = action.split('.');
  return { kind, words: WORDS[action] ?? rest.join('.').replaceAll('_', ' ') };
}

export const ACTIONS = Object.keys(WORDS);

/** Details as a line of text, without what says nothing. */
export function detailText(details: object): string {
  return Object.entries(details)
    .filter(
      ([, value]) =>
        value !== null && value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0),
    )
    .map(
      ([key, value]) =>
        `${key.replaceAll('_', ' ').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}: ${plain(value)}`,
    )
    .join(', ');
}

function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(' ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
