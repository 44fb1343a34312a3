// What the command line asks for.

import { parseArgs } from 'node:util';
import { BACKENDS, type Backend } from './device.js';
import type { Scale } from './studies/experiment.js';
import { experiments } from './studies/index.js';

/** A request that can be carried out. */
export interface Request {
  /** What is to be done with the experiments. */
  readonly task: 'run' | 'list' | 'report';
  readonly names: readonly string[];
  readonly scale: Scale;
  readonly seeds: number;
  /** Whether unfinished runs go on from their checkpoints. */
  readonly resume: boolean;
  /** Processes of runs at once; 0 for none but this one. */
  readonly jobs: number;
  readonly data: string | undefined;
  /** What computes: 'auto' is WebGPU where there is a GPU, otherwise WebAssembly. */
  readonly backend: Backend | 'auto';
  /** Where results and reports are kept. */
  readonly out: string | undefined;
}

const SEEDS: Readonly<Record<Scale, number>> = { smoke: 1, small: 3, full: 5 };

export const usage = `usage: npm run experiments -- <name>… [options]
       npm run experiments -- report [options]
       npm run experiments -- --list [options]

with <name> one of ${Object.keys(experiments).join(', ')}, or all

  --scale smoke|small|full  a look at everything, what fits two cores, the paper's own setting (default small)
  --seeds n                 repetitions (default ${SEEDS.smoke}, ${SEEDS.small} or ${SEEDS.full} by scale)
  --resume                  unfinished runs go on from their last checkpoint
  --data folder             where CIFAR and ImageNet lie
  --backend wasm|webgpu     what computes (default wasm; at full webgpu where there is a GPU for it)
  --jobs n                  runs at once, each in a process of its own; 0 for this process (default 2; smoke 0)
  --out folder              results and reports (default build/experiments)
  --list                    every experiment, with the time that it takes on this machine`;

/**
 * The request of these arguments; undefined where help is asked for.
 *
 * @throws RangeError or TypeError where they are none.
 */
export function readRequest(args: readonly string[]): Request | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      scale: { type: 'string', default: 'small' },
      seeds: { type: 'string' },
      resume: { type: 'boolean', default: false },
      data: { type: 'string' },
      backend: { type: 'string' },
      jobs: { type: 'string' },
      out: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { scale, resume, data, backend, out, list, help } = values;
  if (help || (positionals.length === 0 && !list)) return undefined;
  if (!isScale(scale)) {
    throw new RangeError(`--scale is '${scale}', expected smoke, small or full`);
  }
  if (backend !== undefined && !isBackend(backend)) {
    throw new RangeError(`--backend is '${backend}', expected wasm or webgpu`);
  }
  if (list && backend === 'webgpu') {
    throw new RangeError('--backend webgpu: the times of --list are of WebAssembly');
  }
  const isReport = positionals[0] === 'report';
  return {
    task: list ? 'list' : isReport ? 'report' : 'run',
    names: namesOf(isReport ? positionals.slice(1) : positionals),
    scale,
    seeds: integer('--seeds', values.seeds, 1) ?? SEEDS[scale],
    resume,
    jobs: integer('--jobs', values.jobs, 0) ?? (scale === 'smoke' ? 0 : 2),
    data,
    backend: backend ?? (scale === 'full' ? 'auto' : 'wasm'),
    out,
  };
}

/** The experiments that are named; all where there is no name. */
function namesOf(given: readonly string[]): string[] {
  const known = Object.keys(experiments);
  for (const name of given) {
    if (name === 'all' || known.includes(name)) continue;
    throw new RangeError(`there is no experiment '${name}', expected ${known.join(', ')} or all`);
  }
  return given.length === 0 || given.includes('all') ? known : [...new Set(given)];
}

function isScale(text: string): text is Scale {
  return Object.hasOwn(SEEDS, text);
}

function isBackend(text: string): text is Backend {
  return BACKENDS.some((backend) => backend === text);
}

function integer(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= least) return value;
  throw new RangeError(`${name} is '${text}', expected an integer >= ${least}`);
}
