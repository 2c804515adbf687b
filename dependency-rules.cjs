// The rooms of src/ and who may import whom (docs/architecture.md), as rules for dependency-cruiser.

/** A room may import itself and the listed places; anything else is a violation. Type-only imports count. */
const room = (name, from, allowed, to = {}) => ({
  name,
  severity: 'error',
  from: { path: from, pathNot: '\\.test\\.ts$' },
  to: { pathNot: [from, ...allowed], ...to },
});
/** The same, and Node's own modules besides. */
const roomOnNode = (name, from, ...allowed) => room(name, from, allowed, { dependencyTypesNot: ['core'] });
const packages = (...names) => names.map((name) => `node_modules/(@types/)?${name}/`);

module.exports = {
  forbidden: [
    { name: 'no circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'nobody imports a main',
      severity: 'error',
      from: { pathNot: '^src/cli/berth\\.mjs$' },
      to: { path: '/(main|standalone)\\.ts$' },
    },
    // What the page's build makes (src/web/build) is no file.
    { name: 'everything is found', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^virtual:' } },
    room('contract', '^src/contract/', packages('typebox')),
    room('core/domain', '^src/core/domain/', []),
    roomOnNode(
      'core/store',
      '^src/core/store/',
      '^src/core/domain/',
      ...packages('kysely', 'better-sqlite3', 'mysql2'),
    ),
    roomOnNode('core/access', '^src/core/access/', '^src/core/domain/', ...packages('ssh2', 'unixcrypt')),
    roomOnNode('core/pool', '^src/core/pool/', '^src/core/(domain|store)/', '^src/core/access/driver\\.ts$'),
    roomOnNode(
      'core/accounts',
      '^src/core/accounts/',
      '^src/core/(domain|store)/',
      ...packages('jose', '@node-rs/argon2', 'otpauth', 'openid-client'),
    ),
    roomOnNode('core/runtime', '^src/core/runtime/', '^src/core/', ...packages('pino', 'prom-client')),
    roomOnNode(
      'api',
      '^src/api/',
      '^src/contract/',
      '^src/core/(pool|accounts|runtime|domain)/',
      ...packages('fastify', '@fastify/[a-z-]+', 'typebox', 'prom-client', 'pino', 'ajv', 'ajv-formats', 'ws'),
    ),
    roomOnNode('scheduler', '^src/scheduler/', '^src/core/(pool|runtime)/'),
    // Works on the database as a whole, so the store itself and not only the verbs; no door is open meanwhile.
    roomOnNode('admin', '^src/admin/', '^src/core/(runtime|store|accounts|access|domain)/'),
    roomOnNode('standalone', '^src/standalone\\.ts$', '^src/(api|scheduler)/', '^src/core/runtime/'),
    // Contract only, and no room of the servers; which packages they use is their own business.
    {
      name: 'cli',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/', pathNot: '^src/(cli|contract)/' },
    },
    {
      name: 'web',
      severity: 'error',
      from: { path: '^src/web/' },
      to: { path: '^src/', pathNot: '^src/(web|contract)/' },
    },
    {
      name: 'web features are apart',
      severity: 'error',
      from: { path: '^src/web/src/features/([^/]+)/' },
      to: { path: '^src/web/src/features/', pathNot: '^src/web/src/features/$1/' },
    },
  ],
};
