/** Why a command cannot do what it was asked. The message is for the person who asked; exit code 1, or 2 for wrong usage. */
export class Problem extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
