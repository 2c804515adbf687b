import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { Area, Field } from '../../components/Field.tsx';
import { Icon } from '../../components/Icon.tsx';
import { Loaded } from '../../components/Loaded.tsx';
import { Problem } from '../../components/Notice.tsx';
import { Ago } from '../../components/Time.tsx';
import { type SshKey, useSshKeys } from '../../lib/queries.ts';
import { call } from '../../lib/session.ts';
import { tell, tellProblem } from '../../lib/toasts.ts';

const KEYS = ['profile', 'ssh-keys'];

/** SSH keys that are kept, so that a reservation takes one click. */
export function KeysPanel() {
  const query = useSshKeys();
  const [adding, setAdding] = useState(false);
  return (
    <section className="panel" aria-labelledby="keys">
      <div className="panel-head">
        <div>
          <h2 id="keys">SSH keys</h2>
          <div className="small soft">Public keys that new reservations let in.</div>
        </div>
        <Button small icon="plus-lg" onClick={() => setAdding(true)}>
          Add a key
        </Button>
      </div>
      <Loaded
        query={query}
        skeleton={
          <div className="panel-body">
            <span className="skeleton skeleton-full" />
          </div>
        }
      >
        {(keys) =>
          keys.length === 0 ? (
            <p className="panel-body soft">None yet. Without a key, reservations get a password.</p>
          ) : (
            <ul className="lines">
              {keys.map((key) => (
                <KeyLine key={key.id} ssh={key} />
              ))}
            </ul>
          )
        }
      </Loaded>
      {adding && <AddKey onClose={() => setAdding(false)} />}
    </section>
  );
}

function KeyLine({ ssh: { id, name, public_key: publicKey, fingerprint, created_at: added } }: { ssh: SshKey }) {
  const queries = useQueryClient();
  const settle = () => queries.invalidateQueries({ queryKey: KEYS });
  const forget = async (): Promise<void> => {
    try {
      await call('deleteSshKey', { params: { id } });
      await settle();
      tell(`The key "${name}" is forgotten.`, {
        label: 'Undo',
        run: async () => {
          await call('addSshKey', { body: { name, public_key: publicKey } }).catch(tellProblem);
          await settle();
        },
      });
    } catch (error) {
      tellProblem(error);
    }
  };
  return (
    <li className="row-line no-wrap">
      <Icon name="key" className="soft" />
      <div className="grow">
        <div className="strong truncate">{name}</div>
        <div className="mono small soft truncate" title={fingerprint}>
          {fingerprint}
        </div>
      </div>
      <span className="small soft nowrap">
        <Ago at={added} />
      </span>
      <Button
        small
        look="quiet"
        className="btn-icon"
        icon="trash"
        aria-label={`Forget the key ${name}`}
        onClick={forget}
      />
    </li>
  );
}

function AddKey({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [key, setKey] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const add = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await call('addSshKey', { body: { name: name.trim(), public_key: key.trim() } });
      await queries.invalidateQueries({ queryKey: KEYS });
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title="Add an SSH key"
      onClose={onClose}
      busy={busy}
      onSubmit={add}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button type="submit" look="primary" busy={busy} disabled={name.trim() === '' || key.trim() === ''}>
            Add
          </Button>
        </>
      }
    >
      <Area
        label="Public key"
        className="mono"
        rows={4}
        spellCheck={false}
        autoFocus
        placeholder="ssh-ed25519 AAAA… you@laptop"
        hint="The file that ends in .pub, never the private one."
        value={key}
        onChange={({ target: { value } }) => {
          setKey(value);
          // The comment at the end of a key mostly says whose it is.
          const comment = value.trim().split(/\s+/).slice(2).join(' ');
          if (name === '' && comment !== '') setName(comment.slice(0, 64));
        }}
      />
      <Field
        label="Name"
        placeholder="laptop"
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Problem error={error} />
    </Dialog>
  );
}
