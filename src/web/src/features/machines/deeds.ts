import { useQueryClient } from '@tanstack/react-query';
import type { Answer, Part } from '#contract/routes.ts';
import { call } from '../../lib/session.ts';
import { tell, tellProblem } from '../../lib/toasts.ts';

type Changes = Part<'updateMachine', 'body'>;

const AT_ONCE = 6;

/** What an admin can do with machines. */
export function useMachineDeeds() {
  const queries = useQueryClient();
  const settle = (): void => {
    for (const key of ['machines', 'available', 'reservations']) void queries.invalidateQueries({ queryKey: [key] });
  };

  /** @throws CallFailure */
  const change = async (name: string, body: Changes): Promise<void> => {
    await call('updateMachine', { params: { name }, body });
    settle();
  };

  /** The server's no to a single one does not keep the others from being done. */
  const each = async (names: readonly string[], work: (name: string) => Promise<unknown>): Promise<string[]> => {
    const done: string[] = [];
    const problems: unknown[] = [];
    const rest = names.values();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const name of rest) {
          try {
            await work(name);
            done.push(name);
          } catch (error) {
            problems.push(error);
          }
        }
      }),
    );
    settle();
    if (problems.length === 1) tellProblem(problems[0]);
    else if (problems.length > 1) {
      const first = problems[0] instanceof Error ? problems[0].message : String(problems[0]);
      tellProblem(new Error(`${problems.length} machines were refused; the first: ${first}`));
    }
    return done;
  };

  const setDisabled = async (names: readonly string[], disabled: boolean): Promise<void> => {
    const done = await each(names, (name) => call('updateMachine', { params: { name }, body: { disabled } }));
    if (done.length === 0) return;
    tell(`${subject(done)} ${disabled ? 'disabled' : 'enabled'}.`, {
      label: 'Undo',
      run: () => setDisabled(done, !disabled),
    });
  };

  const remove = async (names: readonly string[]): Promise<void> => {
    const done = await each(names, (name) => {
      // Its own page, if it is open, must not ask for what is going.
      queries.removeQueries({ queryKey: ['machines', 'one', name] });
      return call('deleteMachine', { params: { name } });
    });
    if (done.length > 0) tell(`${subject(done)} deleted.`);
  };

  /** @throws CallFailure */
  const verify = async (name: string, repair: boolean): Promise<Answer<'verifyMachine'>> => {
    try {
      return await call('verifyMachine', { params: { name }, body: { repair } });
    } finally {
      settle();
    }
  };

  return { verify, change, setDisabled, remove };
}

export function subject(names: readonly string[]): string {
  return names.length === 1 ? String(names[0]) : `${names.length} machines`;
}
