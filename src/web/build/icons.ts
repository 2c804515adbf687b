import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { ICONS } from '../src/components/icon-names.ts';

const MODULE = 'virtual:berth-icons';

/** The outlines of the Bootstrap icons that the page names, and of no other. */
export function icons(): Plugin {
  return {
    name: 'berth-icons',
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : null),
    load(id) {
      if (id !== `\0${MODULE}`) return null;
      return `export const outlines = ${JSON.stringify(Object.fromEntries(ICONS.map((name) => [name, outline(name)])))};`;
    },
  };
}

/** @throws Error for an icon that does not exist or is drawn with more than paths. */
function outline(name: string): (string | undefined)[] {
  const file = new URL(`../../../node_modules/bootstrap-icons/icons/${name}.svg`, import.meta.url);
  const svg = readFileSync(file, 'utf8');
  const paths = [...svg.matchAll(/<path [^>]*?\bd="([^"]+)"/g)].map((match) => match[1]);
  if (paths.length === 0 || /<(circle|rect|g|ellipse)\b/.test(svg))
    throw new Error(`icon ${name}: only paths can be drawn`);
  return paths;
}
