import { Command } from '@commander-js/extra-typings';
import type { ConnectOptions } from './connect.ts';

/** `berth` itself. */
export type Program = Command;

/** What all commands are given. */
export interface Common extends ConnectOptions {
  readonly json?: true;
}

/** A command with what all commands take. Options stand after its name. */
export function command<const Name extends string>(name: Name, summary: string) {
  return new Command(name)
    .description(summary)
    .option('--json', 'print JSON, for programs')
    .option('--server <url>', 'server to use (or BERTH_SERVER); by default the one signed in to')
    .option('--ca <file>', 'certificate (PEM) to trust for that server')
    .option('--insecure', 'accept any certificate; anybody on the way can listen');
}

/** A command that only holds others. */
export function group<const Name extends string>(name: Name, summary: string) {
  return new Command(name).description(summary).enablePositionalOptions();
}

/** For options that may be repeated. */
export const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];
