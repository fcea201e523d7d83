import { emitKeypressEvents, type Key } from 'node:readline';
import { createLogUpdate } from 'log-update';
import type { Size } from './draw-screen.ts';

export type Terminal = {
  /** Shows a frame, soon: of several in one turn of the loop the last. A new size of the terminal draws it again. */
  show(frame: (size: Size) => string): void;
  /** Resolved when it was closed by Ctrl-C, a signal, or the end of the input. */
  readonly closed: Promise<void>;
  /** Gives the terminal back as it was. */
  close(): void;
};

/** The alternate screen of xterm: what stood on the terminal before is there again afterwards. */
const [enter, leave] = ['\u001B[?1049h\u001B[H', '\u001B[?1049l'];

/** Takes the terminal of this process. @param onKey called with each key, and the text that it types */
export function openTerminal(onKey: (name: string, text: string) => void): Terminal {
  const { stdin, stdout } = process;
  const update = createLogUpdate(stdout);
  const closed = Promise.withResolvers<void>();
  let frame: ((size: Size) => string) | undefined;
  let drawing: NodeJS.Immediate | undefined;
  const redraw = () => {
    drawing ??= setImmediate(() => {
      drawing = undefined;
      // log-update ends a frame with an empty line
      if (frame !== undefined) update(frame({ columns: stdout.columns, rows: stdout.rows - 1 }));
    });
  };
  const onResize = () => {
    stdout.write('\u001B[2J\u001B[H'); // the terminal has wrapped the old frame in its own way
    update.done();
    redraw();
  };
  const onKeypress = (text: string | undefined, { name = '', ctrl = false }: Key) => {
    if (ctrl) {
      if (name === 'c' || name === 'd') closed.resolve();
      return;
    }
    onKey(name, text ?? '');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  stdout.write(enter);
  emitKeypressEvents(stdin);
  stdin.setRawMode(true).resume().on('keypress', onKeypress).once('end', closed.resolve);
  stdout.on('resize', onResize);
  // not `once`: signal-exit, which shows the cursor again, ends the process at once if it finds no other listener
  for (const signal of signals) process.on(signal, closed.resolve);
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    clearImmediate(drawing);
    frame = undefined;
    update.done();
    stdin.off('keypress', onKeypress).setRawMode(false).pause();
    stdout.off('resize', onResize);
    for (const signal of signals) process.off(signal, closed.resolve);
    stdout.write(leave);
  };
  process.once('exit', close); // whatever ends the process
  return {
    show: (next) => {
      frame = next;
      redraw();
    },
    closed: closed.promise,
    close,
  };
}
