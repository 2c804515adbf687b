import { plain } from './text.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;
const CLEAR_LINE = '\r\u001b[K';

/** Shows on a terminal that something is going on while the work runs; elsewhere it shows nothing. */
export async function whileWorking<T>(what: string, work: () => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return await work();
  let frame = 0;
  const draw = (): void => {
    process.stderr.write(`${CLEAR_LINE}${FRAMES[frame++ % FRAMES.length]} ${plain(what)} `);
  };
  draw();
  const timer = setInterval(draw, FRAME_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    process.stderr.write(CLEAR_LINE);
  }
}
