// Which packages may be installed: the lock file against the lists below. Another lock file can be named as an argument.
import { readFileSync } from 'node:fs';

/** Licences that let us ship a package, or build with it, under the MIT licence. */
const LICENCES = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MPL-2.0',
  'Unlicense',
]);

/** Packages whose package.json names no licence in today's form; the file LICENSE in each was read, and it is MIT. */
const READ_BY_HAND = new Set(['buildcheck', 'cpu-features', 'ssh2']);

/** Packages with a script that npm would run when it installs them. None is run (.npmrc), and none is needed. */
const WITH_SCRIPTS = new Set(['@parcel/watcher', 'cpu-features', 'esbuild', 'ssh2']);

const { packages } = JSON.parse(readFileSync(process.argv[2] ?? 'package-lock.json', 'utf8'));
const problems = [];
for (const [place, { license, hasInstallScript, integrity, link }] of Object.entries(packages)) {
  if (place === '') continue;
  const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
  if (link || !integrity) problems.push(`${name}: it does not come from the registry with a checksum`);
  if (hasInstallScript && !WITH_SCRIPTS.has(name))
    problems.push(`${name}: it has an install script; read it, and list it`);
  const choices = String(license ?? 'none')
    .replace(/[()]/g, '')
    .split(' OR ');
  // Of several that may be chosen from, one is enough; of several that hold together, none may be strange.
  const fine = choices.some((choice) => choice.split(' AND ').every((one) => LICENCES.has(one)));
  if (!fine && !(license === undefined && READ_BY_HAND.has(name))) {
    problems.push(`${name}: its licence (${license ?? 'none is named'}) is not on the list`);
  }
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) console.error('The lists are in scripts/package-rules.mjs.');
process.exitCode = problems.length > 0 ? 1 : 0;
