import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Area } from '../../components/Field.tsx';
import { Icon } from '../../components/Icon.tsx';
import { Problem } from '../../components/Notice.tsx';
import { call } from '../../lib/session.ts';
import { problemText } from '../../lib/toasts.ts';
import { type FileRow, LOCAL, readMachinesFile } from './machines-file.ts';
import { RowList, type RowResult } from './RowList.tsx';

const AT_ONCE = 4;
const MOST_BYTES = 4 * 1024 * 1024;
const GATEWAY = 'host.docker.internal';

/** A machines.yml, pasted or chosen: what would be registered, and then what became of each row. */
export function RegisterMany({ known }: { known: ReadonlySet<string> }) {
  const queries = useQueryClient();
  const [text, setText] = useState('');
  const [rows, setRows] = useState<readonly FileRow[]>([]);
  const [results, setResults] = useState<ReadonlyMap<number, RowResult>>(new Map());
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [gateway, setGateway] = useState(false);
  const picker = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (text.trim() === '') {
      setRows([]);
      setError(null);
      return;
    }
    let stale = false;
    readMachinesFile(text).then(
      (read) => {
        if (stale) return;
        setRows(read);
        setError(null);
      },
      (failure: unknown) => {
        if (stale) return;
        setRows([]);
        setError(failure);
      },
    );
    setResults(new Map());
    return () => {
      stale = true;
    };
  }, [text]);

  const pick = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    if (file.size > MOST_BYTES) setError(new Error(`${file.name} is too large for a machines.yml`));
    else setText(await file.text());
  };

  const ready = rows.filter(
    ({ body, name, number }) => body !== null && !known.has(name) && results.get(number)?.kind !== 'done',
  );
  const hasLocal = rows.some(({ body }) => body !== null && LOCAL.test(body.host));

  const register = async (): Promise<void> => {
    setBusy(true);
    const rest = ready.values();
    const note = (number: number, result: RowResult): void =>
      setResults((before) => new Map(before).set(number, result));
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const { number, body } of rest) {
          if (!body) continue;
          note(number, { kind: 'busy', text: 'Registering' });
          try {
            await call('registerMachine', {
              body: gateway && LOCAL.test(body.host) ? { ...body, host: GATEWAY } : body,
            });
            note(number, { kind: 'done', text: 'Registered' });
          } catch (failure) {
            note(number, { kind: 'refused', text: problemText(failure) });
          }
        }
      }),
    );
    setBusy(false);
    await queries.invalidateQueries({ queryKey: ['machines'] });
  };

  return (
    <div className="stack">
      <Area
        label="machines.yml"
        className="mono"
        rows={rows.length > 0 ? 4 : 9}
        spellCheck={false}
        placeholder={'machines:\n  - name: gpu-1\n    host: 10.0.0.11\n    port: 22\n    user: root\n    password: …'}
        value={text}
        disabled={busy}
        onChange={(event) => setText(event.target.value)}
      />
      <div>
        <input
          ref={picker}
          type="file"
          accept=".yml,.yaml,text/yaml"
          className="visually-hidden"
          tabIndex={-1}
          aria-label="A machines.yml file"
          onChange={({ target }) => {
            void pick(target.files?.[0]);
            target.value = '';
          }}
        />
        <Button icon="upload" disabled={busy} onClick={() => picker.current?.click()}>
          Choose a file
        </Button>
      </div>
      <Problem error={error} />
      {rows.length > 0 && <RowList rows={rows} results={results} known={known} />}
      {hasLocal && (
        <label className="check-line">
          <input
            type="checkbox"
            className="form-check-input"
            checked={gateway}
            onChange={(event) => setGateway(event.target.checked)}
          />
          <span>
            Berth runs in a container: reach localhost as <code>{GATEWAY}</code>
          </span>
        </label>
      )}
      <Button look="primary" busy={busy} disabled={ready.length === 0} onClick={register}>
        {ready.length === 0 ? (
          <>
            <Icon name="check-lg" /> Nothing left to register
          </>
        ) : (
          `Register ${ready.length} machine${ready.length === 1 ? '' : 's'}`
        )}
      </Button>
    </div>
  );
}
