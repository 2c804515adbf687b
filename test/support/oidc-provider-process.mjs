import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

// A real identity provider in a process of its own: `node oidc-provider-process.mjs <redirect address>...`. Who signs in is
// written into the form of its sign-in page: "subject,user name,groups...".

/** What the provider says of each subject. */
const accounts = new Map();

const server = createServer().listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'berth', client_secret: 'a secret of the client', redirect_uris: process.argv.slice(2) }],
    pkce: { required: () => true },
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    cookies: { keys: ['only for tests'] },
    ttl: { Session: 600, Interaction: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts.get(id) }) }),
  });
  const answer = provider.callback();
  server.on('request', async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', issuer);
    if (!pathname.startsWith('/interaction/')) return answer(request, response);
    try {
      const { prompt, params, session } = await provider.interactionDetails(request, response);
      const who = searchParams.get('who');
      if (who === null && prompt.name === 'login') {
        response.setHeader('content-type', 'text/html');
        return response.end(`<form><label>Who <input name="who"></label><button>Go on</button></form>`);
      }
      if (who === 'nobody') {
        return await provider.interactionFinished(request, response, { error: 'access_denied' });
      }
      if (prompt.name === 'login') {
        const [accountId = '', preferred_username, ...groups] = (who ?? '').split(',');
        accounts.set(accountId, { preferred_username, groups });
        return await provider.interactionFinished(request, response, { login: { accountId } });
      }
      const grant = new provider.Grant({ accountId: session?.accountId, clientId: String(params['client_id']) });
      grant.addOIDCScope('openid profile');
      await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
  console.log(issuer);
});
