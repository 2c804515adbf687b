import { createSshDriver } from '#core/access/ssh/ssh-driver.ts';
import { ensureLabImages, startMachine } from '../support/docker-lab.ts';
import { accessTo, keyPair, login, newOrder } from './ssh-login.ts';

const driver = createSshDriver({ onCall: (v, s, f) => console.log('   ', v, (s * 1000).toFixed(0) + 'ms', f) });
const m = await startMachine('debian');
try {
  for (const limit of ['ulimit -u 300;', '']) {
    const pair = keyPair();
    const order = newOrder({ authorizedKeys: [pair.publicKey] });
    await driver.createAccount(accessTo(m), order);
    const s = await login(m, order.accountName, { privateKey: pair.privateKey });
    await s.exec(`bash -c '${limit} perl -e "while(1){fork}" >/dev/null 2>&1 </dev/null &'`);
    await new Promise((r) => setTimeout(r, 1500));
    for (let i = 0; i < 12; i++) {
      try {
        console.log(limit, await driver.removeAccount(accessTo(m), order));
        break;
      } catch (e: any) {
        console.log(e.code, e.message);
        await new Promise((r) => setTimeout(r, 500));
      }
    }
  }
} finally {
  await m.remove();
  await driver.close();
}
