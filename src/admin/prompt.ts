import { createInterface } from 'node:readline/promises';
import { Problem } from './problem.ts';

/** Asks at the terminal and answers the line that was typed. */
export async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(question)).trim();
  } finally {
    terminal.close();
  }
}

/** The same, without showing what is typed. */
export async function askSecretly(question: string): Promise<string> {
  const { stdin, stderr } = process;
  // First: from the question on nothing that is typed shows, and Ctrl-C comes here.
  stdin.setRawMode(true);
  stderr.write(question);
  stdin.setEncoding('utf8');
  try {
    let typed = '';
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      for (const letter of String(chunk)) {
        if (letter === '\r' || letter === '\n') return typed;
        if (letter === '\u0003' || letter === '\u0004') throw new Problem('nothing was changed');
        typed = letter === '\u007f' || letter === '\b' ? typed.slice(0, -1) : typed + letter;
      }
    }
    throw new Problem('nothing was typed, and nothing was changed');
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}
