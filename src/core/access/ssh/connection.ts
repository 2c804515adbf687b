import { type AuthenticationType, type AuthHandlerMiddleware, Client, type ClientChannel } from 'ssh2';
import type { AccessError, MachineAccess, TerminalSize } from '#core/access/driver.ts';
import { type MachineNetworks, reach } from '../networks.ts';
import { type Answer, AnswerReader } from './answer.ts';
import { connectFailure, HandshakeDropped } from './dial-again.ts';
import { accessError, ConnectionDropped, hostKeyChanged, SessionRefused, unanswered } from './failures.ts';
import { Gate } from './gate.ts';
import { algorithmsFor, hostKeyText } from './host-key.ts';
import { Intake, MOST_BEFORE_KEY } from './intake.ts';

/** Most that a call may print, stdout and stderr together, in bytes. */
const MOST_OUTPUT = 64 * 1024;
/** What a server may send, in bytes: from the showing of its key to the login, and for a call or between calls. */
const MOST_BEFORE_LOGIN = 256 * 1024;
const MOST_OF_CALL = 1024 * 1024;
/** Shells stay open for long: they leave room for the calls that make and remove accounts. */
const SHELLS = 5;
/** sshd allows ten sessions on a connection; two stay free for those that are just closing. */
const CHANNELS = 8;

/** One established, verified SSH connection. */
export class Connection {
  /** The key that the machine proved to hold, as `algorithm base64`. */
  readonly hostKey: string;
  /** Calls side by side on this connection go through here. */
  readonly channels = new Gate(CHANNELS);
  #shells = 0;
  readonly #machine: MachineAccess;
  readonly #client: Client;
  readonly #intake: Intake;
  readonly #closed: Promise<void>;

  constructor(machine: MachineAccess, client: Client, intake: Intake, hostKey: string) {
    this.#machine = machine;
    this.#client = client;
    this.#intake = intake;
    this.hostKey = hostKey;
    this.#closed = new Promise((resolve) => client.once('close', () => resolve()));
  }

  /** Resolves once the connection is gone, by whatever cause. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** Says goodbye; a machine that does not react is cut off after half a second. */
  close(): Promise<void> {
    this.#client.end();
    const cut = setTimeout(() => this.#client.destroy(), 500);
    return this.#closed.finally(() => clearTimeout(cut));
  }

  /**
   * Starts a command in a terminal. `take` gets the channel before anything can come out of it; its answer is the answer.
   * @throws AccessError `busy` when there are too many terminals; SessionRefused; ConnectionDropped.
   */
  openTerminal<T>(
    command: string,
    size: TerminalSize,
    signal: AbortSignal,
    take: (channel: ClientChannel) => T,
  ): Promise<T> {
    const machine = this.#machine;
    return new Promise((resolve, reject) => {
      if (this.#shells >= SHELLS) {
        reject(accessError('busy', machine, `${SHELLS} terminals are open on it`));
        return;
      }
      this.#shells += 1;
      // A shell may print without end; its channel is held back when nobody reads it.
      this.#intake.allow(Number.POSITIVE_INFINITY);
      let settled = false;
      const settle = (): void => {
        settled = true;
        signal.removeEventListener('abort', onAbort);
        this.#client.removeListener('close', onClose);
      };
      const fail = (error: unknown): void => {
        if (settled) return;
        settle();
        this.#leaveShell();
        reject(error);
      };
      const onAbort = (): void => fail(signal.reason);
      const onClose = (): void => fail(new ConnectionDropped(machine));
      signal.addEventListener('abort', onAbort, { once: true });
      this.#client.once('close', onClose);
      const pty = { term: 'xterm-256color', cols: size.columns, rows: size.rows };
      try {
        this.#client.exec(command, { pty }, (error, channel) => {
          if (error) return fail(new SessionRefused(machine));
          if (settled) return void channel.close();
          settle();
          channel.once('close', () => this.#leaveShell());
          resolve(take(channel));
        });
      } catch {
        fail(new ConnectionDropped(machine));
      }
    });
  }

  #leaveShell(): void {
    this.#shells -= 1;
    if (this.#shells === 0) this.#intake.allow(MOST_OF_CALL);
  }

  /**
   * Runs a command with `input` on its standard input and answers as soon as the closing line of its answer has come.
   * Ends after `limitMs`, when `signal` fires and at 64 KiB of output; the connection is given up then.
   * @throws AccessError; SessionRefused; ConnectionDropped when the connection ended in the middle.
   */
  run(command: string, input: string, limitMs: number, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const machine = this.#machine;
      if (this.#shells === 0) this.#intake.allow(MOST_OF_CALL);
      let channel: ClientChannel | undefined;
      const reader = new AnswerReader();
      let errors = '';
      let size = 0;
      let settled = false;
      const finish = (): void => {
        settled = true;
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#client.removeListener('close', onClose);
        channel?.close();
      };
      const fail = (error: unknown, giveUp = false): void => {
        if (settled) return;
        finish();
        if (giveUp) this.#client.destroy();
        reject(error);
      };
      const onAbort = (): void => fail(signal.reason, true);
      const endless = (): AccessError => accessError('bad_answer', machine, 'it prints without end');
      const dropped = (): AccessError => (this.#intake.flooded ? endless() : new ConnectionDropped(machine));
      const onClose = (): void => fail(dropped());
      const timer = setTimeout(
        () => fail(accessError('timed_out', machine, `no answer within ${limitMs / 1000} s`), true),
        limitMs,
      );
      signal.addEventListener('abort', onAbort, { once: true });
      this.#client.once('close', onClose);
      const within = (data: Buffer): boolean => {
        size += data.length;
        if (size > MOST_OUTPUT) fail(endless(), true);
        return !settled;
      };
      const onChannel = (error: Error | undefined, opened: ClientChannel): void => {
        // Other calls on the connection may be well: it stays.
        if (error) {
          fail(new SessionRefused(machine));
          return;
        }
        channel = opened;
        if (settled) {
          channel.close();
          return;
        }
        channel.on('error', () => fail(dropped(), true));
        channel.on('data', (data: Buffer) => {
          if (!within(data)) return;
          const answer = reader.read(data.toString('latin1'));
          if (answer === null) return;
          finish();
          resolve(answer);
        });
        channel.stderr.on('data', (data: Buffer) => {
          if (within(data)) errors += data.toString('latin1');
        });
        channel.on('close', (code?: number | null, killedBy?: string) => {
          if (code === undefined && killedBy === undefined) return fail(dropped());
          fail(unanswered(machine, errors));
        });
        channel.end(input);
      };
      try {
        this.#client.exec(command, onChannel);
      } catch {
        fail(dropped());
      }
    });
  }
}

/**
 * Connects and logs in within `limitMs`. The host key is checked before any credential is sent.
 * @throws AccessError, HandshakeDropped when the server hung up early, or the signal's reason.
 */
export function dial(
  machine: MachineAccess,
  networks: MachineNetworks,
  limitMs: number,
  signal: AbortSignal,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const sock = reach(machine, networks);
    const client = new Client();
    let offered: string | null = null;
    let ready = false;
    const intake = new Intake(sock, MOST_BEFORE_KEY, () => {
      if (ready) client.destroy();
      else fail(accessError('bad_answer', machine, 'it sends without end before the login'));
    });
    const onAbort = (): void => fail(signal.reason);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown): void => {
      settle();
      client.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(accessError('timed_out', machine, `no SSH login within ${Math.ceil(limitMs / 1_000)} s`)),
      limitMs,
    );
    signal.addEventListener('abort', onAbort, { once: true });
    const { credential } = machine;
    client.on('error', (error) => {
      const mismatch = offered !== null && machine.hostKey !== null && offered !== machine.hostKey;
      fail(mismatch ? hostKeyChanged(machine, offered ?? '') : connectFailure(machine, error));
    });
    client.once('close', () => fail(new HandshakeDropped()));
    client.once('ready', () => {
      settle();
      ready = true;
      intake.allow(MOST_OF_CALL);
      client.setNoDelay(true);
      // Eight calls and ourselves listen for the end of a connection.
      client.setMaxListeners(20);
      resolve(new Connection(machine, client, intake, offered ?? ''));
    });
    client.on('keyboard-interactive', (_name, _text, _language, prompts, answer) => {
      answer(prompts.map(() => (credential.kind === 'password' ? credential.password : '')));
    });
    try {
      client.connect({
        sock,
        username: machine.user,
        ...(credential.kind === 'password'
          ? { password: credential.password, tryKeyboard: true, authHandler: passwordFirst() }
          : { privateKey: credential.privateKey, authHandler: ['publickey'] }),
        algorithms: algorithmsFor(machine.hostKey),
        hostVerifier: (key: Buffer) => {
          // Keys may be exchanged anew on a living connection: then only the same key will do.
          const expected = machine.hostKey ?? offered;
          offered = hostKeyText(key);
          if (!ready) intake.allow(MOST_BEFORE_LOGIN);
          return expected === null || expected === offered;
        },
        readyTimeout: 0,
        keepaliveInterval: 15_000,
        keepaliveCountMax: 2,
      });
    } catch {
      // The library throws at once only for a key that it cannot read.
      fail(accessError('login_refused', machine, 'the private key cannot be read'));
    }
  });
}

/** Passwords go the plain way; the other way only where the server does not know the plain one: each refusal takes seconds. */
function passwordFirst(): AuthHandlerMiddleware {
  const ways: AuthenticationType[] = ['password', 'keyboard-interactive'];
  return (left: AuthenticationType[] | null, _partial, next) => {
    const way = ways.shift();
    const known = left === null || (way !== undefined && left.includes(way) && !left.includes('password'));
    // The library takes `false` for "no further way"; its types do not say so.
    next(way !== undefined && known ? way : (false as unknown as AuthenticationType));
  };
}
