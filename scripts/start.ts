// `npm start`: builds the web page when it is missing or its source has changed, then runs the standalone server.
import { buildPageIfChanged } from './page.ts';

// Berth lends machines without its page too.
if (!buildPageIfChanged()) console.error('The web page could not be built; the API works without it.');
await import('../src/standalone.ts');
