import { Client } from 'ssh2';
import type { MachineAccess } from '#core/access/driver.ts';
import { connectFailure, dialAgain, HandshakeDropped } from './dial-again.ts';
import { accessError } from './failures.ts';
import { hostKeyText, preferredAlgorithms } from './host-key.ts';

/**
 * The host key that the machine shows, as `algorithm base64`, without a login. Nothing is proven by it yet: whoever logs
 * in afterwards has to insist on this key.
 * @throws AccessError `unreachable` or `timed_out`, or the signal's reason.
 */
export function scanHostKey(machine: MachineAccess, limitMs: number, signal: AbortSignal): Promise<string> {
  return dialAgain(machine, limitMs, signal, (leftMs) => scanOnce(machine, leftMs, signal));
}

function scanOnce(machine: MachineAccess, limitMs: number, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
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
    client.on('error', (error) => end(() => reject(connectFailure(machine, error))));
    client.once('close', () => end(() => reject(new HandshakeDropped())));
    client.connect({
      host: machine.host,
      port: machine.port,
      username: machine.user,
      algorithms: { serverHostKey: preferredAlgorithms(machine.hostKey) },
      hostVerifier: (key: Buffer) => {
        end(() => resolve(hostKeyText(key)));
        return false;
      },
      readyTimeout: 0,
    });
  });
}
