import { type Simulation, startSimulatedMachines } from '#core/access/simulated/simulated-machines.ts';
import { builtPage } from './page-build.ts';
import { adminOf, type BerthProcess, callerOf, startProcess } from './processes.ts';
import { freshSqlite } from './test-pool.ts';

/** A real server with its page, simulated machines, and an admin's way past the page. */
export interface WebServer {
  /** Where the page is. */
  readonly address: string;
  readonly machines: Simulation['machines'];
  readonly call: Awaited<ReturnType<typeof adminOf>>;
  /** The same as somebody else. */
  callAs(username: string, password: string): ReturnType<typeof adminOf>;
  /** Ends the server at once; its data stay. */
  kill(): Promise<void>;
  /** Starts it anew at the same address. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface WebServerOptions {
  /** How many simulated machines there are; the first `registered` of them are registered, as `box-1` and so on. */
  readonly machines?: number;
  readonly registered?: number;
  /** Settings of the server. */
  readonly settings?: Record<string, string>;
}

export async function startWebServer(options: WebServerOptions = {}): Promise<WebServer> {
  const { machines: count = 3, registered = 0, settings = {} } = options;
  await builtPage();
  const ends: (() => unknown)[] = [];
  const { database, remove } = freshSqlite();
  ends.push(remove);
  const simulation = await startSimulatedMachines({ count, password: 'test' });
  ends.push(() => simulation.close());
  let berth: BerthProcess = await startProcess('src/standalone.ts', database, { LOG_LEVEL: 'info', ...settings });
  ends.push(() => berth.kill());
  const port = new URL(berth.address).port;
  const call = await adminOf(berth.address);
  for (const [index, { host, port, user, password }] of simulation.machines.slice(0, registered).entries()) {
    await call('POST', '/machines', { name: `box-${index + 1}`, host, port, user, password, labels: ['lab'] });
  }
  while (registered > 0 && (await call('GET', '/available')).body.available.length < registered) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    address: berth.address,
    machines: simulation.machines,
    call,
    callAs: (username, password) => callerOf(berth.address, username, password),
    kill: () => berth.kill(),
    async restart() {
      berth = await startProcess('src/standalone.ts', database, { LOG_LEVEL: 'info', ...settings, PORT: port });
    },
    async close() {
      for (const end of ends.reverse()) await end();
    },
  };
}
