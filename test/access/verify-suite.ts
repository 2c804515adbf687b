import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  dockerAvailable,
  ensureLabImages,
  type LabMachine,
  type MachineKind,
  startMachine,
} from '../support/docker-lab.ts';
import type { DriverUnderTest } from './drivers.ts';
import { accessTo, keyPair, login, newOrder } from './ssh-login.ts';

const KINDS: MachineKind[] = ['debian', 'busybox'];

/** What every driver finds when it looks for all that is Berth's on a machine, and what it takes away on request. */
export function testVerify(subject: DriverUnderTest): void {
  const usable = dockerAvailable() && subject.installed;
  describe.skipIf(!usable).each(KINDS)(`a look with ${subject.name} at a %s machine`, (kind) => {
    const driver = subject.make({});
    const pair = keyPair();
    let machine: LabMachine;

    beforeAll(async () => {
      await ensureLabImages();
      machine = await startMachine(kind);
    });
    afterAll(async () => {
      await driver.close();
      await machine?.remove();
    });

    const access = () => accessTo(machine);
    const look = (order: Partial<Parameters<typeof driver.verify>[1]> = {}) =>
      driver.verify(access(), { expected: null, endedGeneration: 0, repair: false, ...order });

    test('finds nothing on one that was never lent', async () => {
      expect(await look()).toEqual({
        fence: 0,
        loginKeys: 0,
        accounts: [],
        keysDiffer: false,
        leftovers: [],
        more: 0,
      });
    });

    test('finds an account, its keys changed by its owner, and touches neither', { timeout: 60_000 }, async () => {
      const order = newOrder({ authorizedKeys: [pair.publicKey] });
      const { uid } = await driver.createAccount(access(), order);
      const account = { allocationId: order.allocationId, accountName: order.accountName, uid, entry: true };
      expect(await look({ expected: order })).toMatchObject({ accounts: [account], keysDiffer: false, leftovers: [] });
      const session = await login(machine, order.accountName, { privateKey: pair.privateKey });
      await session.exec(`echo '${keyPair().publicKey}' >>.ssh/authorized_keys; touch /tmp/his`);
      expect(await look({ expected: order, repair: true })).toMatchObject({ accounts: [account], keysDiffer: true });
      expect(await session.exec('wc -l <.ssh/authorized_keys; ls /tmp/his')).toBe('2\n/tmp/his');
      // A fifo in the place of the keys holds nothing up.
      await session.exec('rm .ssh/authorized_keys; mkfifo .ssh/authorized_keys');
      expect(await look({ expected: order })).toMatchObject({ accounts: [account], keysDiffer: true });
      session.end();
      await machine.exec(`grep -v ^${order.accountName}: /etc/passwd >/tmp/p; cat /tmp/p >/etc/passwd; rm /tmp/p`);
      expect(await look({ expected: order })).toMatchObject({ accounts: [{ ...account, entry: false }] });
      await driver.removeAccount(access(), order);
      expect(await look()).toMatchObject({ accounts: [], leftovers: [], fence: order.generation });
    });

    test('finds what accounts that are gone have left, and takes it away on request', { timeout: 90_000 }, async () => {
      const order = newOrder();
      const { uid } = await driver.createAccount(access(), order);
      await driver.removeAccount(access(), order);
      const foreign = 'cat /etc/passwd /etc/group; ls -ln /home /tmp /srv; ls /var/spool/cron/crontabs';
      await machine.exec(
        `echo 'bob:x:1500:1500:Bob:/home/bob:/bin/sh' >>/etc/passwd; echo 'bob:x:1500:' >>/etc/group; mkdir -p /srv /home/bob /home/carl
         touch /tmp/bobs /srv/kept; chown -R 1500 /home/bob /tmp/bobs; chown 30000 /home/carl; ln -s /home/carl /tmp/link
         mkdir -p /var/spool/cron/crontabs; echo '* * * * * true' >/var/spool/cron/crontabs/bob; chown 1500 /var/spool/cron/crontabs/bob`,
      );
      const before = await machine.exec(foreign);
      await machine.exec(
        `cd /tmp; touch -- '-rf' 'a b' "$(printf 'new\nline')" '*'; mkdir deep; ln -s /etc deep/etc; ln -s /home/bob deep/bob; chown -hR ${uid} -- ./-rf 'a b' new* './*' deep
         mkdir /home/old /home/.berth-gone; touch /home/old/work; ln -s /etc /home/old/etc; chown -hR ${uid} /home/old
         echo 'berth-${uid}:x:${uid}:' >>/etc/group; mkdir -p /etc/security/limits.d; touch /etc/security/limits.d/berth-old.conf
         echo '* * * * * true' >/var/spool/cron/crontabs/old; chown ${uid} /var/spool/cron/crontabs/old; touch /var/lib/berth/made/gone.new`,
      );
      await machine.exec(
        kind === 'debian'
          ? `setpriv --reuid ${uid} --clear-groups sleep 600 >/dev/null 2>&1 </dev/null &`
          : `cp /etc/passwd /root/p; echo 'old:*:${uid}:${uid}::/:/bin/sh' >>/etc/passwd
             start-stop-daemon -S -b -c old -x /bin/sleep -- 600; until pidof sleep; do :; done; cat /root/p >/etc/passwd; rm /root/p`,
      );
      const kinds = async (repair: boolean) => (await look({ repair })).leftovers;
      const of = (kind: string, count = 1, name: string | null = null) => ({ kind, uid, count, name });
      await expect.poll(() => kinds(false), { timeout: 20_000 }).toContainEqual(of('process'));
      const seen = await kinds(true);
      expect(seen).toHaveLength(8);
      for (const one of [
        of('process'),
        of('file', 7),
        of('home', 1, 'old'),
        of('job', 1, 'old'),
        of('group', 1, `berth-${uid}`),
        { kind: 'staging', uid: null, count: 1, name: '.berth-gone' },
        { kind: 'limits', uid: null, count: 1, name: 'berth-old.conf' },
        { kind: 'record', uid: null, count: 1, name: 'gone.new' },
      ]) {
        expect(seen).toContainEqual(one);
      }
      expect(await kinds(false)).toEqual([]);
      expect(await machine.exec(foreign)).toBe(before);
      expect(await machine.exec(`find / -xdev -user ${uid} -not -path '/proc/*' 2>/dev/null || true`)).toBe('');
    });

    test('takes nothing away while an account is there', { timeout: 60_000 }, async () => {
      const gone = newOrder();
      const { uid } = await driver.createAccount(access(), gone);
      await driver.removeAccount(access(), gone);
      const order = newOrder();
      await driver.createAccount(access(), order);
      await machine.exec(`touch /tmp/late; chown ${uid} /tmp/late`);
      expect(await look({ expected: order, repair: true })).toMatchObject({ leftovers: [{ kind: 'file', uid }] });
      expect(await machine.exec('ls /tmp/late')).toBe('/tmp/late');
      await driver.removeAccount(access(), order);
      await look({ repair: true });
      expect(await look()).toMatchObject({ accounts: [], leftovers: [] });
    });

    test('finds accounts with the mark that have no record', async () => {
      await machine.exec("echo 'left:x:20500:20500:berth=other-1:/home/left:/bin/sh' >>/etc/passwd");
      const account = { allocationId: 'other-1', accountName: 'left', uid: 20_500, entry: true };
      expect(await look()).toMatchObject({ accounts: [account] });
      await machine.exec('grep -v ^left: /etc/passwd >/tmp/p; cat /tmp/p >/etc/passwd; rm /tmp/p');
    });

    test('finds a fence that is gone, and puts it up again on request', async () => {
      const order = newOrder();
      await driver.removeAccount(access(), order);
      await machine.exec('rm /var/lib/berth/fence');
      expect(await look({ endedGeneration: order.generation })).toMatchObject({ fence: 0 });
      await look({ endedGeneration: order.generation, repair: true });
      expect(await look()).toMatchObject({ fence: order.generation });
      await expect(driver.createAccount(access(), order)).rejects.toMatchObject({ code: 'fenced_off' });
    });
  });
}
