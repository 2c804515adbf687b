import type { Client } from '#contract/client.ts';
import type { Answer } from '#contract/routes.ts';
import { CliError, EXIT, usage } from './exit.ts';

export type ListItem = Answer<'listReservations'>['reservations'][number];

const WHOLE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const LEAST_LETTERS = 4;

/** How many reservations that are over are looked through for the beginning of an id. */
const LATEST = 100;

/** The whole id of an open reservation from its beginning, or of one that is over too. Own ones go first where several begin alike. */
export async function wholeId(client: Client, beginning: string, orOver = false): Promise<string> {
  if (WHOLE_ID.test(beginning)) return beginning;
  if (!/^[0-9a-f-]*$/i.test(beginning) || beginning.length < LEAST_LETTERS) {
    throw usage(`"${beginning}" is no reservation; give at least ${LEAST_LETTERS} letters of an id of berth list`);
  }
  const open = [{ mine: true }, { mine: false }];
  const over = open.map((query) => ({ ...query, state: 'ended', limit: LATEST }) as const);
  for (const query of orOver ? [...open, ...over] : open) {
    const { reservations } = await client.call('listReservations', { query });
    const ids = new Set(reservations.map((one) => one.reservation_id));
    const [found, another] = [...ids].filter((id) => id.startsWith(beginning.toLowerCase()));
    if (another !== undefined) throw usage(`"${beginning}" begins several reservations; give more of the id`);
    if (found !== undefined) return found;
  }
  throw new CliError(
    'not_found',
    EXIT.notFound,
    `no${orOver ? '' : ' open'} reservation begins with "${beginning}"`,
    'berth list',
  );
}

/** What the caller has on a machine, or, for an admin, what anybody has. */
export async function itemOn(client: Client, machine: string): Promise<ListItem> {
  for (const mine of [true, false]) {
    const { reservations } = await client.call('listReservations', { query: { mine } });
    const found = reservations.find((one) => one.machine === machine && one.username !== null);
    if (found) return found;
  }
  throw new CliError(
    'not_found',
    EXIT.notFound,
    `you have not reserved a machine named "${machine}"`,
    'berth list shows what you have; berth reserve gets you some.',
  );
}
