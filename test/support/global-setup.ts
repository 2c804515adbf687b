import { mariadbInstalled, startMariadb } from './mariadb.ts';

/** One MariaDB server for the whole test run; each test file makes databases of its own in it. */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['BERTH_TEST_MARIADB'] || !mariadbInstalled()) return undefined;
  const server = await startMariadb();
  process.env['BERTH_TEST_MARIADB'] = server.url;
  return () => server.remove();
}
