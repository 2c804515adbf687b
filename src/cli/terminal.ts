import { CliError, EXIT, usage } from './exit.ts';
import { jsonText, plain } from './text.ts';

/** What the command is for goes to stdout; everything that is said besides goes to stderr. */
export function print(text: string): void {
  if (text !== '') process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(jsonText(value, 2));
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** For a person who can answer. */
export function personIsThere(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks for a line. `otherwise` says what to give instead when nobody can answer. */
export async function ask(question: string, otherwise: string, initial?: string): Promise<string> {
  if (!personIsThere()) throw usage(otherwise);
  const { text } = await import('@clack/prompts');
  return answered(
    await text({
      message: plain(question),
      output: process.stderr,
      ...(initial !== undefined && { initialValue: initial }),
      validate: (value) => (value ? undefined : 'An answer is needed.'),
    }),
  );
}

/** Asks for a secret, which is not shown. */
export async function askSecret(question: string, otherwise: string): Promise<string> {
  if (!personIsThere()) throw usage(otherwise);
  const { password } = await import('@clack/prompts');
  return answered(
    await password({
      message: plain(question),
      output: process.stderr,
      validate: (value) => (value ? undefined : 'An answer is needed.'),
    }),
  );
}

/** @throws CliError unless the person agrees; `yes` (from --yes) agrees for good. */
export async function confirm(question: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  if (!personIsThere()) throw usage('nobody can be asked here; say --yes to do it all the same');
  const { confirm: agree } = await import('@clack/prompts');
  const message = plain(question);
  if (!answered(await agree({ message, output: process.stderr, initialValue: false }))) throw interrupted();
}

/** All of standard input, without the line break at its end. */
export async function readInput(option: string): Promise<string> {
  if (process.stdin.isTTY) throw usage(`${option} reads from a pipe or a file; leave it out to be asked`);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (text === '') throw usage(`${option}: standard input is empty`);
  return text;
}

export function interrupted(): CliError {
  return new CliError('interrupted', EXIT.interrupted, 'broken off; nothing was changed');
}

function answered<T>(answer: T): Exclude<T, symbol> {
  if (typeof answer === 'symbol') throw interrupted();
  return answer as Exclude<T, symbol>;
}
