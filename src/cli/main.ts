import { CommanderError } from '@commander-js/extra-typings';
import { EXIT, explain } from './exit.ts';
import { buildProgram } from './program.ts';
import { jsonText, plain } from './text.ts';

// `berth list | head` is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const words = process.argv.slice(2);
try {
  const program = await buildProgram(words);
  await program.parseAsync(words, { from: 'user' });
} catch (error) {
  process.exitCode = tell(error);
}

/** Says what went wrong and answers the exit code. */
function tell(error: unknown): number {
  // Commander has said it already: help, version, or what is wrong with the words.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const { code, message, next, exitCode } = explain(error);
  if (words.includes('--json')) {
    process.stderr.write(
      `${jsonText({ error: code, message, exit_code: exitCode, ...(next !== null && { next }) })}\n`,
    );
  } else {
    process.stderr.write(`berth: ${plain(message)}\n${next === null ? '' : `${plain(next)}\n`}`);
  }
  return exitCode;
}
