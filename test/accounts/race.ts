import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Starts `count` processes, waits until each has run `prepare`, lets all of them call `act` at the same moment, and answers
 * what each call answered. Both are JavaScript; they can import by `#core/...`.
 */
export async function race(count: number, prepare: string, act: string): Promise<unknown[]> {
  const program = `
    ${prepare}
    process.stdin.once('data', async () => {
      const answer = await (${act})();
      process.stdout.write(JSON.stringify(answer ?? null), () => process.exit(0));
    });
    process.stdout.write('ready');
  `;
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'pipe' }),
  );
  try {
    await Promise.all(children.map((child) => nextOutput(child)));
    const answers = children.map((child) => nextOutput(child));
    for (const child of children) child.stdin.write('go');
    return (await Promise.all(answers)).map((text) => JSON.parse(text));
  } finally {
    await Promise.all(children.map(ended));
  }
}

function nextOutput(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let problem = '';
    child.stderr?.on('data', (chunk) => {
      problem += chunk;
    });
    child.stdout?.once('data', (chunk) => resolve(String(chunk)));
    child.once('close', () => reject(new Error(`the process ended early: ${problem}`)));
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
