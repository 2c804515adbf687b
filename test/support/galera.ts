import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { createConnection } from 'mysql2/promise';
import { freePort, type MariadbServer, mariadbInstalled, startMariadb } from './mariadb.ts';

/** Debian's galera-4. */
const PROVIDER = ['/usr/lib/galera/libgalera_smm.so', '/usr/lib64/galera-4/libgalera_smm.so'].find((path) =>
  existsSync(path),
);

export function galeraInstalled(): boolean {
  return PROVIDER !== undefined && mariadbInstalled();
}

/** Real nodes of one Galera cluster, on loopback. Each can be killed and started again. */
export async function startGalera(count: number): Promise<MariadbServer[]> {
  const ports = await Promise.all(Array.from({ length: count * 3 }, freePort));
  const port = (node: number, kind: number): number => ports[node * 3 + kind] as number;
  const members = Array.from({ length: count }, (_, node) => `127.0.0.1:${port(node, 0)}`);
  const nodes: MariadbServer[] = [];
  try {
    for (let node = 0; node < count; node++) {
      let started = false;
      nodes.push(
        await startMariadb({
          account: userInfo().uid === 0 ? 'mysql' : userInfo().username,
          more: () => {
            // Only the very first start makes a cluster; every other one joins it.
            const others = members.filter((_, other) => other !== node);
            const cluster = node === 0 && !started ? '' : others.join(',');
            started = true;
            return [
              '--wsrep-on=ON',
              `--wsrep-provider=${PROVIDER}`,
              `--wsrep-cluster-address=gcomm://${cluster}`,
              '--wsrep-cluster-name=berth-test',
              `--wsrep-node-name=node${node}`,
              '--wsrep-node-address=127.0.0.1',
              `--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:${port(node, 0)};ist.recv_addr=127.0.0.1:${port(node, 1)}`,
              '--wsrep-sst-method=rsync',
              `--wsrep-sst-receive-address=127.0.0.1:${port(node, 2)}`,
              '--binlog-format=ROW',
              '--innodb-autoinc-lock-mode=2',
            ];
          },
        }),
      );
    }
    return nodes;
  } catch (error) {
    await Promise.all(nodes.map((node) => node.remove()));
    throw error;
  }
}

/** A status value of a node, as a number. */
export async function statusOf(node: MariadbServer, name: string): Promise<number> {
  const connection = await createConnection(node.url);
  const [rows] = await connection.query('SHOW GLOBAL STATUS LIKE ?', [name]);
  await connection.end();
  return Number((rows as { Value: string }[])[0]?.Value);
}
