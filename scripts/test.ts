// `npm test`: the checks of the code, then all tests; says at the end what this machine could not run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingParts } from '../test/support/parts.ts';
import { runChecks } from './checks.ts';

const checks = await runChecks();

const folder = mkdtempSync(join(tmpdir(), 'berth-report-'));
const report = join(folder, 'report.json');
const vitest = spawn(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => vitest.kill(signal));
const [vitestStatus] = await once(vitest, 'exit');
const counted = readReport();
rmSync(folder, { recursive: true, force: true });

const missing = missingParts();
const strict = process.env['CI'] === 'true';
for (const { part, lost } of missing) console.log(`${strict ? 'FAILED' : 'left out'}: ${part} is missing, so ${lost}`);

const passed = counted.passed + checks.filter((check) => check.passed).length;
const failed =
  counted.failed +
  checks.filter((check) => !check.passed).length +
  (strict ? missing.length : 0) +
  // Vitest can fail without a failed test: an error outside of one, a file that does not load.
  (vitestStatus !== 0 && counted.failed === 0 ? 1 : 0);
process.exitCode = failed === 0 ? 0 : 1;
console.log(`${passed} passed, ${failed} failed`);

function readReport(): { passed: number; failed: number } {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>;
    return { passed: numPassedTests ?? 0, failed: numFailedTests ?? 0 };
  } catch {
    return { passed: 0, failed: 0 };
  }
}
