import { hash, verify } from '@node-rs/argon2';

/** OWASP's argon2id setting (19 MiB, two passes), checked against its password storage cheat sheet. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** More at once would only take memory: a hash keeps one core busy. */
const AT_ONCE = 4;

let running = 0;
const waiting: (() => void)[] = [];

export function hashPassword(password: string): Promise<string> {
  return inTurn(() => hash(password, COST));
}

/** Takes the same time for a user that does not exist (`stored` undefined), or has no password (empty). */
export async function passwordFits(stored: string | undefined, password: string): Promise<boolean> {
  const fits = await inTurn(async () => verify(stored || (await DECOY), password));
  return fits && Boolean(stored);
}

/** The hash of a password that nobody has. */
const DECOY = hash('nobody has this password', COST);

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  while (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
