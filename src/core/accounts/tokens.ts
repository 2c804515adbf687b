import { randomUUID } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { Refusal } from '#core/domain/refusal.ts';

export interface TokenKeys {
  readonly secret: Uint8Array;
  readonly expiresMinutes: number;
}

/** What a token says. Everything else about its user is looked up each time. */
interface Claims {
  readonly userId: string;
  /** The user's token version when it was given out. */
  readonly version: number;
  /** The session that it was given out in, and ends with; null for a token of its own. */
  readonly sessionId: string | null;
}

export interface Tokens {
  issue(claims: Claims, now: Date): Promise<string>;
  /** @throws Refusal `unauthorized`. */
  read(token: string, now: Date): Promise<Claims>;
}

const ISSUER = 'berth';
const AUDIENCE = 'berth-api';
const KEPT = 10_000;

export function createTokens(keys: TokenKeys): Tokens {
  // A signature that was checked once stays right; only the time and the user have to be looked at again.
  const checked = new Map<string, Claims & { expiresAt: number }>();
  return {
    async issue({ userId, version, sessionId }, now) {
      const seconds = Math.floor(now.getTime() / 1000);
      return await new SignJWT({ ver: version, ...(sessionId !== null && { sid: sessionId }) })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(userId)
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setJti(randomUUID())
        .setIssuedAt(seconds)
        .setExpirationTime(seconds + keys.expiresMinutes * 60)
        .sign(keys.secret);
    },
    async read(token, now) {
      const known = checked.get(token);
      if (known && known.expiresAt > now.getTime()) return known;
      try {
        const { payload } = await jwtVerify(token, keys.secret, {
          algorithms: ['HS256'],
          issuer: ISSUER,
          audience: AUDIENCE,
          requiredClaims: ['sub', 'exp', 'ver'],
          currentDate: now,
        });
        const claims = {
          userId: String(payload.sub),
          version: Number(payload['ver']),
          sessionId: payload['sid'] === undefined ? null : String(payload['sid']),
          expiresAt: Number(payload.exp) * 1000,
        };
        if (checked.size >= KEPT) checked.clear();
        checked.set(token, claims);
        return claims;
      } catch {
        throw new Refusal('unauthorized', 'the token is not valid or has run out; sign in again');
      }
    },
  };
}
