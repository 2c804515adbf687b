import type { Readable } from 'node:stream';

/** A line without an end is cut here, so that it cannot fill the memory. */
const LONGEST = 64 * 1024;

/** Hands on a stream line by line, the last one also without a line break. */
export async function eachLine(stream: Readable, hear: (line: string) => void): Promise<void> {
  let rest = '';
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) hear(line.replace(/\r$/, ''));
    for (; rest.length > LONGEST; rest = rest.slice(LONGEST)) hear(rest.slice(0, LONGEST));
  }
  if (rest !== '') hear(rest);
}
