import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { Button } from '../components/Button.tsx';
import { Empty } from '../components/Empty.tsx';
import { Loaded, SkeletonRows } from '../components/Loaded.tsx';
import { Page } from '../components/Page.tsx';
import { AuditFilters, type FilterText } from '../features/audit/AuditFilters.tsx';
import { AuditTable } from '../features/audit/AuditTable.tsx';
import { ExportCsv } from '../features/audit/ExportCsv.tsx';
import { useAudit } from '../lib/queries.ts';

const STEP = 100;
/** The most that the server gives at once. */
const MOST = 500;
const KEYS = ['actor', 'action', 'subject', 'address', 'from', 'until'] as const;

export default function Audit() {
  const [search, setSearch] = useSearchParams();
  const [limit, setLimit] = useState(STEP);
  const filter = Object.fromEntries(KEYS.map((key) => [key, search.get(key) ?? ''])) as unknown as FilterText;
  const query = useAudit(wire(filter), limit);
  const filtering = KEYS.some((key) => filter[key] !== '');
  return (
    <Page
      title="Audit log"
      wide
      lead="What people and Berth itself have done, newest first."
      actions={<ExportCsv filter={wire(filter)} />}
    >
      <AuditFilters
        filter={filter}
        onChange={(key, value) =>
          setSearch(
            (before) => {
              if (value === '') before.delete(key);
              else before.set(key, value);
              return before;
            },
            { replace: true },
          )
        }
      />
      <Loaded query={query} skeleton={<SkeletonRows rows={8} />}>
        {({ entries, next }) =>
          entries.length === 0 ? (
            <div className="panel">
              <Empty
                icon="journal-text"
                title={filtering ? 'Nothing fits' : 'Nothing has happened yet'}
                actions={
                  filtering && <Button onClick={() => setSearch({}, { replace: true })}>Clear the filters</Button>
                }
              >
                {filtering ? 'Try fewer filters or another time.' : 'Every change is written down here.'}
              </Empty>
            </div>
          ) : (
            <>
              <AuditTable entries={entries} />
              {next !== null && (
                <div className="row-line">
                  {limit < MOST ? (
                    <Button busy={query.isPlaceholderData} onClick={() => setLimit(Math.min(limit * 5, MOST))}>
                      Show more
                    </Button>
                  ) : (
                    <span className="soft">
                      These are the newest {MOST}. Choose an earlier end to see what was before.
                    </span>
                  )}
                </div>
              )}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

/** Local times of the fields become moments. */
function wire(filter: FilterText) {
  return Object.fromEntries(
    KEYS.filter((key) => filter[key].trim() !== '').map((key) => {
      const at = new Date(filter[key]);
      const time = key === 'from' || key === 'until';
      return [key, time && !Number.isNaN(at.getTime()) ? at.toISOString() : filter[key].trim()];
    }),
  );
}
