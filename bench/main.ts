// `npm run bench`: everything that Berth is measured by, side by side in one run.
import { cpus, totalmem } from 'node:os';
import { chromiumInstalled } from '../test/support/browser.ts';
import { dockerAvailable } from '../test/support/docker-lab.ts';
import { mariadbInstalled, startMariadb } from '../test/support/mariadb.ts';
import { ansibleInstalled } from '../test/support/parts.ts';

console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB`);

const server = mariadbInstalled() ? await startMariadb() : null;
if (server) process.env['BERTH_TEST_MARIADB'] = server.url;
else console.log('Without MariaDB: SQLite only.');
try {
  // Loaded only now: they look at once which databases there are.
  if (dockerAvailable()) {
    await (await import('./reserve.ts')).benchReserve();
    if (ansibleInstalled()) await (await import('./drivers.ts')).benchDrivers();
    else console.log('Without Ansible: no figures of its driver.');
  } else console.log('Without Docker: no figures of real machines.');
  await (await import('./contention.ts')).benchContention();
  await (await import('./requests.ts')).benchRequests();
  await (await import('./front.ts')).benchFront();
  if (chromiumInstalled()) await (await import('./page.ts')).benchPage();
  else console.log('Without Chromium: no figures of the page.');
} finally {
  await server?.remove();
}
