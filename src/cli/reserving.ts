import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client, Input } from '#contract/client.ts';
import type { Answer } from '#contract/routes.ts';
import { CliError, EXIT, explain } from './exit.ts';
import { say } from './terminal.ts';

export type Reservation = Answer<'getReservation'>;
export type Request = Input<'createReservation'>['body'];

/** How long one call may keep a person waiting who has pressed Ctrl-C. */
const STEP_SECONDS = 2;
const TRIES = 4;
const POLL_MS = 300;

/**
 * Reserves, and waits until the machines can be used unless `wait` is false. When it is stopped, or the waiting fails, it
 * gives back what it has before it throws.
 */
export async function reserve(client: Client, body: Request, wait: boolean, stop: AbortSignal): Promise<Reservation> {
  // A lost answer is asked for again under this key, and brings the same reservation.
  const headers = { 'idempotency-key': randomUUID() };
  const query = { wait: wait ? STEP_SECONDS : 0 };
  const claim = () => client.call('createReservation', { body, query, headers });
  let reservation: Reservation = await persistently(claim).catch((error: unknown) => {
    const { code, exitCode, message, next } = explain(error);
    const unsure = 'It is not known whether machines were reserved; when the server answers again: berth list';
    throw new CliError(code, exitCode, message, exitCode === EXIT.unreachable ? unsure : next);
  });
  const id = reservation.reservation_id;
  try {
    while (wait && reservation.state === 'preparing') {
      stop.throwIfAborted();
      await pause(POLL_MS);
      reservation = await persistently(() => client.call('getReservation', { params: { id } }));
    }
    stop.throwIfAborted();
    // Asked again, the server says why it came to nothing.
    if (reservation.state === 'failed') reservation = await claim();
  } catch (error) {
    await giveBack(client, reservation);
    throw error;
  }
  if (wait && reservation.state !== 'active') {
    throw new CliError('reservation_over', EXIT.failed, `the reservation is ${reservation.state} already`);
  }
  return reservation;
}

/** Ends the reservation now, trying hard; says so when that fails. Answers whether it went well. */
export async function giveBack(client: Client, reservation: Reservation): Promise<boolean> {
  const { reservation_id: id, reserved_until: until } = reservation;
  try {
    await persistently(() => client.call('release', { params: { id } }));
    return true;
  } catch (error) {
    say(`berth: the machines could not be given back: ${explain(error).message}`);
    say(`Do it with: berth release ${id}. At ${until} it happens by itself.`);
    return false;
  }
}

/** Repeats what fails because the server cannot be reached just now. */
async function persistently<T>(call: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await call();
    } catch (error) {
      if (explain(error).exitCode !== EXIT.unreachable || tried === TRIES) throw error;
      await pause(250 * 2 ** tried);
    }
  }
}
