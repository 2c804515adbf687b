import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';

describe('the audit log of the API', () => {
  let api: TestApi;
  beforeEach(async () => {
    api = await openTestApi();
  });
  afterEach(async () => {
    await api.close();
  });

  const entries = async (query: string) =>
    (await api.call(await api.token('admin'), 'GET', `/api/audit?${query}`)).body.entries;
  const from = (remoteAddress: string, url: string, body: object, headers: Record<string, string> = {}) =>
    api.app.inject({
      method: 'POST',
      url,
      remoteAddress,
      headers: { 'content-type': 'application/json', ...headers },
      payload: JSON.stringify(body),
    });
  const refused = async () => {
    await api.accounts.refusedSignIns.flush();
    return await entries('action=user.sign_in_refused&limit=500');
  };

  it('has who, from where and with which session of each change, and can be asked for it', async () => {
    const signedIn = await from('192.0.2.5', '/api/session', { username: 'alice', password: PASSWORD });
    const { access_token } = signedIn.json();
    const [opened] = await entries('action=user.signed_in&actor=alice');
    expect(opened).toMatchObject({ subject: 'alice', address: '192.0.2.5', session: opened.details.session });

    const headers = { authorization: `Bearer ${access_token}` };
    const key = `ssh-ed25519 ${Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.alloc(36, 1)]).toString('base64')}`;
    const added = await from('192.0.2.6', '/api/profile/ssh-keys', { name: 'laptop', public_key: key }, headers);
    expect(added.statusCode).toBe(201);
    for (const query of ['address=192.0.2.6', `session=${opened.session}&action=user.ssh_key_added`]) {
      expect(await entries(query)).toMatchObject([
        {
          actor: 'alice',
          action: 'user.ssh_key_added',
          address: '192.0.2.6',
          session: opened.session,
          api_token: null,
        },
      ]);
    }
    const csv = await api.call(await api.token('admin'), 'GET', '/api/audit?format=csv&address=192.0.2.6');
    expect(csv.body).toContain(`"192.0.2.6","${opened.session}",""`);
    expect(csv.body.split('\r\n')[0]).toBe(
      '"id","at","actor","action","subject","details","address","session","api_token"',
    );
  });

  it('has the name of the API token that a change was made with', async () => {
    const admin = await api.token('admin');
    const made = await api.call(admin, 'POST', '/api/profile/tokens', {
      name: 'nightly',
      scopes: ['machines'],
      expires_in_days: 1,
    });
    expect(made.status).toBe(201);
    const machine = { name: 'box', host: '10.9.9.9', user: 'root', password: 'x' };
    expect((await api.call(made.body.token, 'POST', '/api/machines', machine)).status).toBe(201);
    expect(await entries('api_token=nightly')).toMatchObject([
      { action: 'machine.registered', actor: 'admin', api_token: 'nightly', session: null },
    ]);
  });

  it('shows what things were before they were changed or deleted', async () => {
    const admin = await api.token('admin');
    await api.core.addMachines(1);
    await api.call(admin, 'PATCH', '/api/machines/m1', { labels: ['gpu'] });
    await api.call(admin, 'PATCH', '/api/users/bob', { disabled: true, password: 'another-long-password-1' });
    await api.call(admin, 'DELETE', '/api/users/bob');
    const disabled = await api.call(admin, 'PATCH', '/api/machines/m1', { disabled: true });
    expect(disabled.status).toBe(200);
    await api.core.settle();
    expect((await api.call(admin, 'DELETE', '/api/machines/m1')).status).toBe(200);
    const detailsOf = async (query: string) => (await entries(query)).at(-1).details;
    expect(await detailsOf('action=machine.updated')).toMatchObject({
      before: { labels: [] },
      after: { labels: ['gpu'] },
    });
    expect(await detailsOf('action=machine.deleted')).toMatchObject({ before: { user: 'root', labels: ['gpu'] } });
    expect(await detailsOf('action=user.deleted')).toEqual({ before: { role: 'user', disabled: true } });
    const updated = await detailsOf('action=user.updated');
    expect(updated).toMatchObject({ before: { disabled: false }, after: { disabled: true }, passwordChanged: true });
    expect(JSON.stringify(await entries('limit=500'))).not.toContain('another-long-password-1');
  });

  it('has refused sign-ins, the first of an address at once and the others counted', async () => {
    for (let i = 0; i < 8; i++) await from('192.0.2.9', '/api/login', { username: 'alice', password: `wrong-${i}` });
    const found = await refused();
    expect(found).toMatchObject([
      { actor: 'nobody', subject: 'alice', address: '192.0.2.9', details: { more: 7 } },
      { actor: 'nobody', subject: 'alice', address: '192.0.2.9', details: { reason: 'invalid_grant' } },
    ]);
    expect(JSON.stringify(found)).not.toContain('wrong-');
  });

  it('never has what was typed for a name that does not exist: it may be a password', async () => {
    for (const route of ['/api/login', '/api/session']) {
      await from('192.0.2.9', route, { username: 'my-secret-pass', password: 'alice' });
    }
    const found = await refused();
    expect(found.map((entry: { subject: string }) => entry.subject)).toEqual(['(unknown name)', '(unknown name)']);
    expect(JSON.stringify(found)).not.toContain('my-secret-pass');
  });

  it('cannot be filled by refused sign-ins from many addresses', async () => {
    const tries = Array.from({ length: 400 }, (_, i) => i);
    await Promise.all(
      tries.map((i) =>
        api.accounts.refusedSignIns
          .watch(`192.0.${i >> 8}.${i & 255}`, 'alice', api.core.now(), async () => {
            await api.accounts.login('alice', '', api.core.now());
          })
          .catch(() => undefined),
      ),
    );
    const found = await refused();
    expect(found.length).toBeLessThanOrEqual(102);
    const [many] = found.filter((entry: { address: string }) => entry.address === '(many addresses)');
    expect(many.details.more).toBe(349);
  });
});
