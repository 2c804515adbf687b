// The rooms of src/ and who may import whom (docs/architecture.md), as rules for dependency-cruiser.

/** A room may import itself and the listed places; anything else is a violation. Type-only imports count. */
const room = (name, from, ...allowed) => ({
  name,
  severity: 'error',
  from: { path: from, pathNot: '\\.test\\.ts$' },
  to: { pathNot: [from, ...allowed] },
});
const packages = (...names) => names.map((name) => `node_modules/(@types/)?${name}/`);
const node = '^(node:)?[a-z_/]+$';

module.exports = {
  forbidden: [
    { name: 'no circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'nobody imports a main', severity: 'error', from: {}, to: { path: '/main\\.ts$' } },
    room('contract', '^src/contract/', ...packages('typebox')),
    room('core/domain', '^src/core/domain/'),
    room(
      'core/store',
      '^src/core/store/',
      '^src/core/domain/',
      node,
      ...packages('kysely', 'better-sqlite3', 'mysql2'),
    ),
    room('core/access', '^src/core/access/', '^src/core/domain/', node, ...packages('ssh2', 'unixcrypt')),
    room(
      'core/pool',
      '^src/core/pool/',
      '^src/core/domain/',
      '^src/core/store/',
      '^src/core/access/driver\\.ts$',
      node,
    ),
    room(
      'core/accounts',
      '^src/core/accounts/',
      '^src/core/domain/',
      '^src/core/store/',
      node,
      ...packages('jose', '@node-rs/argon2'),
    ),
    room('core/runtime', '^src/core/runtime/', '^src/core/', node, ...packages('pino', 'prom-client')),
    room(
      'api',
      '^src/api/',
      '^src/contract/',
      '^src/core/(pool|accounts|runtime|domain)/',
      node,
      ...packages('fastify', '@fastify/[a-z-]+', 'typebox', 'prom-client', 'pino', 'ajv', 'ajv-formats'),
    ),
    room('scheduler', '^src/scheduler/', '^src/core/(pool|runtime)/', node),
  ],
};
