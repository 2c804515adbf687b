import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef, useState } from 'react';
import { Button } from '../../components/Button.tsx';
import { Icon } from '../../components/Icon.tsx';
import { Notice } from '../../components/Notice.tsx';
import { copyText } from '../../lib/clipboard.ts';
import { tellProblem } from '../../lib/toasts.ts';
import { connectShell, type ShellState } from './connection.ts';
import { obeyPolicy } from './strict-policy.ts';

const COLORS = { background: '#0f1214', foreground: '#e7eaec', cursor: '#56c2cf', selectionBackground: '#2b4a52' };

/** A shell on a machine. All keys belong to it, but for F6, which leads out. */
export function TerminalView({ reservationId, machine }: { reservationId: string; machine: string }) {
  const place = useRef<HTMLDivElement>(null);
  const wayOut = useRef<HTMLButtonElement>(null);
  const terminal = useRef<Terminal>(null);
  const [state, setState] = useState<ShellState>({ kind: 'connecting' });
  const [attempt, setAttempt] = useState(0);
  const [reader, setReader] = useState(false);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt is a new shell
  useEffect(() => {
    const parent = place.current;
    if (!parent) return;
    const screen = makeTerminal();
    const fit = new FitAddon();
    screen.loadAddon(fit);
    const restore = obeyPolicy();
    screen.open(parent);
    fit.fit();
    terminal.current = screen;
    const shell = connectShell(reservationId, machine, () => ({ cols: screen.cols, rows: screen.rows }), {
      opened(resumed) {
        screen.reset();
        // It may have had another size before.
        if (resumed) shell.resize(screen.cols, screen.rows);
        screen.focus();
      },
      output: (bytes) => screen.write(bytes),
      state: setState,
    });
    const text = new TextEncoder();
    screen.onData((data) => shell.input(text.encode(data)));
    screen.onBinary((data) => shell.input(Uint8Array.from(data, (char) => char.charCodeAt(0))));
    screen.onResize(({ cols, rows }) => shell.resize(cols, rows));
    screen.attachCustomKeyEventHandler((event) => {
      if (event.type !== 'keydown') return true;
      if (event.key === 'F6') {
        event.preventDefault();
        wayOut.current?.focus();
        return false;
      }
      // Elsewhere it opens the browser's developer tools.
      if (event.ctrlKey && event.shiftKey && event.key.toLowerCase() === 'c') {
        event.preventDefault();
        if (screen.hasSelection()) copyText(screen.getSelection()).catch(tellProblem);
        return false;
      }
      // The browser pastes, and xterm hears of it.
      return !(event.ctrlKey && event.shiftKey && event.key.toLowerCase() === 'v');
    });
    const watch = new ResizeObserver(() => fit.fit());
    watch.observe(parent);
    return () => {
      watch.disconnect();
      shell.close();
      screen.dispose();
      restore();
      terminal.current = null;
    };
  }, [reservationId, machine, attempt]);

  const toggleReader = (): void => {
    if (terminal.current) terminal.current.options.screenReaderMode = !reader;
    setReader(!reader);
  };

  return (
    <div className="terminal-frame">
      <div className="terminal-bar" role="toolbar" aria-label="Terminal">
        <ShellStateText state={state} />
        <span className="grow" />
        <span className="small soft wide-only">F6 leaves the terminal</span>
        <button
          ref={wayOut}
          type="button"
          className="btn btn-quiet btn-sm"
          aria-pressed={reader}
          onClick={toggleReader}
        >
          Screen reader
        </button>
        <Button
          small
          look="quiet"
          icon="copy"
          onClick={() => copyText(terminal.current?.getSelection() ?? '').catch(tellProblem)}
        >
          Copy
        </Button>
        {'readText' in (navigator.clipboard ?? {}) && (
          <Button
            small
            look="quiet"
            onClick={async () => {
              try {
                terminal.current?.paste(await navigator.clipboard.readText());
                terminal.current?.focus();
              } catch {
                tellProblem(new Error('the browser does not allow pasting here; use Ctrl+Shift+V'));
              }
            }}
          >
            Paste
          </Button>
        )}
      </div>
      {state.kind === 'closed' && (
        <Notice tone="wait">
          <div className="row-line spread" role="alert">
            <span>{state.reason}</span>
            <Button small onClick={() => setAttempt(attempt + 1)}>
              New shell
            </Button>
          </div>
        </Notice>
      )}
      <div ref={place} className="terminal-place" />
    </div>
  );
}

function makeTerminal(): Terminal {
  return new Terminal({
    fontFamily: getComputedStyle(document.body).getPropertyValue('--bs-font-monospace'),
    fontSize: 14,
    lineHeight: 1.15,
    scrollback: 5_000,
    theme: COLORS,
    cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    minimumContrastRatio: 4.5,
    // What a machine prints is no link to follow.
    linkHandler: { activate: () => undefined },
  });
}

function ShellStateText({ state }: { state: ShellState }) {
  const looks = {
    connecting: { tone: 'wait', icon: 'hourglass-split', words: 'Connecting' },
    open: { tone: 'good', icon: 'check-circle', words: 'Connected' },
    lost: { tone: 'wait', icon: 'wifi-off', words: 'Connection lost, trying again' },
    closed: { tone: '', icon: 'x-circle', words: 'Closed' },
  } as const;
  const { tone, icon, words } = looks[state.kind];
  return (
    <span className={`state ${tone}`} role="status">
      <Icon name={icon} />
      {words}
    </span>
  );
}
