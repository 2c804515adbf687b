import { Client } from 'ssh2';
import type { MachineAccess } from '#core/access/driver.ts';
import { type MachineNetworks, reach } from '../networks.ts';
import { connectFailure, dialAgain, HandshakeDropped } from './dial-again.ts';
import { accessError } from './failures.ts';
import { algorithmsFor, hostKeyText } from './host-key.ts';
import { Intake, MOST_BEFORE_KEY } from './intake.ts';

/** What was found at a machine, before a login. */
export interface Seen {
  /** As `algorithm base64`. Nothing is proven by it yet: whoever logs in afterwards has to insist on this key. */
  readonly hostKey: string;
  /** The IP address that answered, which may be connected to. */
  readonly address: string;
}

/**
 * The host key that the machine shows, and where, without a login.
 * @throws AccessError `unreachable`, `not_allowed` or `timed_out`, or the signal's reason.
 */
export function scanHostKey(
  machine: MachineAccess,
  networks: MachineNetworks,
  limitMs: number,
  signal: AbortSignal,
): Promise<Seen> {
  return dialAgain(machine, limitMs, signal, (leftMs) => scanOnce(machine, networks, leftMs, signal));
}

function scanOnce(
  machine: MachineAccess,
  networks: MachineNetworks,
  limitMs: number,
  signal: AbortSignal,
): Promise<Seen> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const sock = reach(machine, networks);
    const client = new Client();
    const timer = setTimeout(
      () =>
        end(() => reject(accessError('timed_out', machine, `no SSH handshake within ${Math.ceil(limitMs / 1_000)} s`))),
      limitMs,
    );
    const onAbort = (): void => end(() => reject(signal.reason));
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      settle();
      client.destroy();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    new Intake(sock, MOST_BEFORE_KEY, () =>
      end(() => reject(accessError('bad_answer', machine, 'it sends without end before the login'))),
    );
    client.on('error', (error) => end(() => reject(connectFailure(machine, error))));
    client.once('close', () => end(() => reject(new HandshakeDropped())));
    client.connect({
      sock,
      username: machine.user,
      algorithms: algorithmsFor(machine.hostKey),
      hostVerifier: (key: Buffer) => {
        const address = sock.remoteAddress ?? '';
        end(() => resolve({ hostKey: hostKeyText(key), address }));
        return false;
      },
      readyTimeout: 0,
    });
  });
}
