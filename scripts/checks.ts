import { spawn } from 'node:child_process';

export interface Check {
  readonly name: string;
  readonly passed: boolean;
}

const CHECKS: readonly [string, readonly string[]][] = [
  ['types', ['node_modules/typescript/bin/tsc', '--noEmit']],
  ['types of the web page', ['node_modules/typescript/bin/tsc', '--noEmit', '--project', 'src/web']],
  ['format and lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '.']],
  ['nothing unused', ['node_modules/knip/bin/knip.js']],
  ['import rules', ['scripts/import-rules.mjs']],
  ['licences and scripts of packages', ['scripts/package-rules.mjs']],
];

/** Runs all checks of the code that need no test runner, side by side, and prints what fails. */
export async function runChecks(): Promise<Check[]> {
  return await Promise.all(CHECKS.map(([name, command]) => run(name, command)));
}

function run(name: string, command: readonly string[]): Promise<Check> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('exit', (code) => {
      const passed = code === 0;
      console.log(`${passed ? 'ok    ' : 'FAILED'} ${name}`);
      if (!passed) console.log(output);
      resolve({ name, passed });
    });
  });
}
