import { useQueryClient } from '@tanstack/react-query';
import type { Reservation } from '../../lib/queries.ts';
import { call } from '../../lib/session.ts';
import { duration, moment } from '../../lib/time.ts';
import { tell, tellProblem } from '../../lib/toasts.ts';

const MINUTE = 60_000;

/** What a holder can do with a reservation. Each says itself how it went. */
export function useDeeds() {
  const queries = useQueryClient();
  const settle = (reservation: Reservation): void => {
    queries.setQueryData(['reservations', 'one', reservation.reservation_id], reservation);
    for (const key of ['reservations', 'machines', 'available', 'timeline']) {
      void queries.invalidateQueries({ queryKey: [key] });
    }
  };

  const extend = async (id: string, minutes: number): Promise<void> => {
    try {
      const reservation = await call('extend', { params: { id }, body: { minutes } });
      settle(reservation);
      const end = moment(new Date(reservation.reserved_until), Date.now());
      if (minutes > 0) {
        tell(`Extended by ${duration(minutes * MINUTE)}, until ${end}.`, {
          label: 'Undo',
          run: () => extend(id, -minutes),
        });
      } else tell(`Back to the end at ${end}.`);
    } catch (error) {
      tellProblem(error);
    }
  };

  const release = async (id: string): Promise<void> => {
    try {
      const reservation = await call('release', { params: { id } });
      settle(reservation);
      const cleaning = reservation.machines.some(({ state }) => state === 'cleaning');
      tell(`Released. The machines are ${cleaning ? 'being cleaned' : 'clean and free again'}.`);
    } catch (error) {
      tellProblem(error);
    }
  };

  const giveBack = async (id: string, machine: string): Promise<void> => {
    try {
      settle(await call('releaseMachine', { params: { id, machine } }));
      tell(`${machine} was given back.`);
    } catch (error) {
      tellProblem(error);
    }
  };

  return { extend, release, giveBack };
}
