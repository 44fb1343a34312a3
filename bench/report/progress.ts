// Progress of a long run: a bar on a terminal, a line now and then elsewhere.

import { Presets, SingleBar } from 'cli-progress';

/** Something of `total` steps that is being worked on. */
export interface Progress {
  /** `value` steps are done; `detail` is a short remark on where things stand. */
  update(value: number, detail?: string): void;
  /** The work is over; nothing more is printed. */
  stop(): void;
}

/** Follows work of `total` steps on stderr, so that stdout stays clean for results. */
export function startProgress(label: string, total: number): Progress {
  return process.stderr.isTTY ? bar(label, total) : lines(label, total);
}

function bar(label: string, total: number): Progress {
  const format = `${label} {bar} {value}/{total} {detail}`;
  const single = new SingleBar({ format, hideCursor: true, barsize: 28 }, Presets.shades_classic);
  single.start(total, 0, { detail: '' });
  return {
    update: (value, detail = '') => single.update(value, { detail }),
    stop: () => single.stop(),
  };
}

// cli-progress prints to files from a timer, which a synchronous loop never lets fire.
function lines(label: string, total: number): Progress {
  let printed = 0;
  return {
    update(value, detail = '') {
      const quarter = Math.floor((4 * value) / total);
      if (quarter <= printed) return;
      printed = quarter;
      process.stderr.write(`${label} ${value}/${total} ${detail}`.trimEnd().concat('\n'));
    },
    stop() {},
  };
}
