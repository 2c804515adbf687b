import type { ApiDeps, Handlers } from '../handler.ts';

/** Whoever has got hold of a token must not find out the password or a code with it: all tries are counted. */
export function secondFactorHandlers({ accounts }: ApiDeps) {
  const { secondFactor, throttle } = accounts;
  return {
    startSecondFactor: ({ request, caller, now, body }) =>
      throttle.guard(request.ip, caller.name, now, () => secondFactor.start(caller, body.password, now)),
    async confirmSecondFactor({ request, caller, now, body }) {
      const codes = await throttle.guard(request.ip, caller.name, now, () =>
        secondFactor.confirm(caller, body.code, now),
      );
      return { recovery_codes: codes };
    },
    async renewRecoveryCodes({ request, caller, now, body }) {
      const codes = await throttle.guard(request.ip, caller.name, now, () =>
        secondFactor.renewCodes(caller, body.password, body.code, now),
      );
      return { recovery_codes: codes };
    },
    async endSecondFactor({ request, caller, now, body }) {
      await throttle.guard(request.ip, caller.name, now, () =>
        secondFactor.turnOff(caller, body.password, body.code, now),
      );
      return { message: 'the second factor is off' };
    },
  } satisfies Partial<Handlers>;
}
