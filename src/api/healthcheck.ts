// Ends with 0 when the API of this container is ready, else with 1 and its answer on standard error.
const address = `http://127.0.0.1:${process.env['PORT'] ?? 8080}/api/readyz`;

try {
  const answer = await fetch(address, { signal: AbortSignal.timeout(8_000) });
  if (!answer.ok) throw new Error(await answer.text());
} catch (error) {
  const { cause, message } = error as Error;
  process.stderr.write(`${address}: ${cause instanceof Error ? cause.message : message}\n`);
  process.exitCode = 1;
}
