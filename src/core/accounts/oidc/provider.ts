import * as client from 'openid-client';
import { OidcFailure, type OidcSettings } from './settings.ts';
import type { Started } from './started.ts';

/** What the provider says of somebody, with its signature checked. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  /** As the provider has it: no rule of Berth was looked at. */
  readonly username: unknown;
  readonly groups: readonly string[];
}

export interface Provider {
  /** Where a browser goes to sign in. @throws OidcFailure `unavailable`. */
  addressFor(started: Started): Promise<string>;
  /** Who came back with this query. @throws OidcFailure */
  identify(search: string, started: Started): Promise<Identity>;
}

const ANSWER_LIMIT_SECONDS = 10;
const CLOCK_TOLERANCE_SECONDS = 30;
const LONGEST_SUBJECT = 255;

/** Asks the provider about itself when it is needed, and again as long as it does not answer: it may be away. */
export function createProvider(settings: OidcSettings): Provider {
  let discovered: Promise<client.Configuration> | null = null;
  const configuration = async (): Promise<client.Configuration> => {
    discovered ??= discover(settings);
    try {
      return await discovered;
    } catch (error) {
      discovered = null;
      throw new OidcFailure('unavailable', reasonOf(error));
    }
  };

  return {
    async addressFor({ state, nonce, codeVerifier }) {
      const address = client.buildAuthorizationUrl(await configuration(), {
        redirect_uri: settings.redirectUri,
        scope: settings.scopes,
        code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        state,
        nonce,
      });
      return address.href;
    },

    async identify(search, { state, nonce, codeVerifier }) {
      const config = await configuration();
      try {
        const tokens = await client.authorizationCodeGrant(config, new URL(search, settings.redirectUri), {
          pkceCodeVerifier: codeVerifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (!claims || claims.sub.length === 0 || claims.sub.length > LONGEST_SUBJECT) {
          throw new OidcFailure('untrusted', 'the subject is missing or too long');
        }
        const wanted = [settings.usernameClaim, ...(settings.adminGroup === null ? [] : [settings.groupsClaim])];
        // Many providers keep the ID token small and tell the rest when they are asked.
        const more =
          wanted.some((claim) => claims[claim] === undefined) && config.serverMetadata().userinfo_endpoint !== undefined
            ? await client.fetchUserInfo(config, tokens.access_token, claims.sub)
            : {};
        const all: Record<string, unknown> = { ...more, ...claims };
        return {
          issuer: claims.iss,
          subject: claims.sub,
          username: all[settings.usernameClaim],
          groups: [all[settings.groupsClaim]].flat().filter((one) => typeof one === 'string'),
        };
      } catch (error) {
        throw asFailure(error);
      }
    },
  };
}

async function discover({ issuer, clientId, clientSecret }: OidcSettings): Promise<client.Configuration> {
  const address = new URL(issuer);
  return await client.discovery(
    address,
    clientId,
    { [client.clockTolerance]: CLOCK_TOLERANCE_SECONDS },
    (server, ...rest) => {
      const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
      const way = methods.includes('client_secret_basic') ? client.ClientSecretBasic : client.ClientSecretPost;
      way(clientSecret)(server, ...rest);
    },
    {
      timeout: ANSWER_LIMIT_SECONDS,
      // The signature of the ID token is checked as well, not only who answered.
      // Settings let http pass on this machine only.
      execute: [
        client.enableNonRepudiationChecks,
        ...(address.protocol === 'http:' ? [client.allowInsecureRequests] : []),
      ],
    },
  );
}

function asFailure(error: unknown): OidcFailure {
  if (error instanceof OidcFailure) return error;
  if (error instanceof client.AuthorizationResponseError) return new OidcFailure('denied', reasonOf(error));
  if (error instanceof client.ResponseBodyError) return new OidcFailure('untrusted', reasonOf(error));
  const { code } = error as { code?: unknown };
  const away = code === 'OAUTH_TIMEOUT' || error instanceof TypeError || code === 'OAUTH_RESPONSE_IS_NOT_CONFORM';
  return new OidcFailure(away ? 'unavailable' : 'untrusted', reasonOf(error));
}

/** For the log: codes and fixed words of the library, nothing that the provider or a browser wrote, and no token. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as { code?: unknown };
  return `${error.message}${typeof code === 'string' ? ` (${code})` : ''}`;
}
