import type { Plugin } from 'vite';
import { routes } from '../../contract/routes.ts';

/**
 * Gives the page of the contract's routes what a client needs, method and path, and leaves the schemas and their
 * library to the server. Types are the contract's own.
 */
export function contractRoutes(): Plugin {
  return {
    name: 'berth-contract-routes',
    enforce: 'pre',
    load(id) {
      if (!id.endsWith('/src/contract/routes.ts')) return null;
      const slim = Object.fromEntries(
        Object.entries(routes).map(([name, { method, path }]) => [name, { method, path }]),
      );
      return `export const routes = ${JSON.stringify(slim)};`;
    },
  };
}
