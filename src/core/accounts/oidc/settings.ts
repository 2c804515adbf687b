/** Where people sign in besides Berth itself, as the settings say. */
export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: string;
  readonly usernameClaim: string;
  readonly groupsClaim: string;
  /** Who is in it is an admin, and nobody else from the provider. Null: admins set roles in Berth. */
  readonly adminGroup: string | null;
  /** What the button on the sign-in page says. */
  readonly name: string;
  /** Where the provider sends people back to. */
  readonly redirectUri: string;
}

/** Why a sign-in with the provider came to nothing; the page has the words for each. */
export type OidcProblem = 'unavailable' | 'expired' | 'denied' | 'untrusted' | 'disabled' | 'name_taken' | 'bad_name';

export class OidcFailure extends Error {
  readonly problem: OidcProblem;
  /** Of Berth's user who was kept out, when it is known. */
  readonly username: string | null;
  constructor(problem: OidcProblem, reason: string, username: string | null = null) {
    super(reason);
    this.problem = problem;
    this.username = username;
  }
}
