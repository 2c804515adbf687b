import { useState } from 'react';
import { routes } from '#contract/routes.ts';
import { Button } from '../../components/Button.tsx';
import { saveFile } from '../../lib/download.ts';
import { fetchFile } from '../../lib/session.ts';
import { tellProblem } from '../../lib/toasts.ts';

/** All entries that fit the filter, as a file. */
export function ExportCsv({ filter }: { filter: Readonly<Record<string, string>> }) {
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      const search = new URLSearchParams({ ...filter, format: 'csv' });
      await saveFile(await fetchFile(`${routes.audit.path}?${search}`), 'berth-audit.csv');
    } catch (error) {
      tellProblem(error);
    }
    setBusy(false);
  };
  return (
    <Button icon="download" busy={busy} onClick={save}>
      Export CSV
    </Button>
  );
}
