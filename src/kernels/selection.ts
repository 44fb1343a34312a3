// Which kernels run: WebAssembly where it can, plain TypeScript where it cannot, either by name.

import { checkChoice, isObject } from '../core/check.js';
import { choice, guarded, integer, type OptionsOf, optionList } from '../core/options.js';
import type { Kernels } from './kernels.js';
import { startTeam } from './pool/pool.js';
import { cores, type WorkerSource } from './pool/threads.js';
import { scalarKernels } from './scalar/index.js';
import { sharedKernels, wasmKernels } from './wasm/index.js';
import {
  type Arithmetic,
  compile,
  compileAsync,
  compileShared,
  instantiate,
  isSupported,
} from './wasm/instance.js';

/** The kernels by name; 'auto' is WebAssembly where the platform can, and plain TypeScript else. */
export type KernelChoice = 'auto' | 'wasm' | 'typescript';

const CHOICES: readonly KernelChoice[] = ['auto', 'wasm', 'typescript'];

const KERNEL_OPTIONS = /* @__PURE__ */ optionList({
  /**
   * The rounding: 'strict' rounds every product, and gives the same bits on every machine; 'relaxed' leaves
   * it to the processor whether a product and its sum are rounded once or twice, and is faster; 'auto'
   * (default) is relaxed where the platform has it. Plain TypeScript is always strict.
   */
  arithmetic: /* @__PURE__ */ choice('auto', 'strict', 'relaxed').default('auto'),
});

/** Options of {@link useKernels}. @interface */
export type KernelOptions = OptionsOf<typeof KERNEL_OPTIONS>;

/** What runs. */
export interface KernelInfo {
  readonly kind: 'wasm' | 'typescript';
  /** 'simd' and 'relaxed-simd' of WebAssembly, 'scalar' of TypeScript. */
  readonly variant: 'simd' | 'relaxed-simd' | 'scalar';
  readonly threads: number;
}

interface Selection {
  readonly kernels: Kernels;
  readonly info: KernelInfo;
}

const SCALAR: Selection = {
  kernels: scalarKernels,
  info: { kind: 'typescript', variant: 'scalar', threads: 1 },
};

/** Chosen at the first product, so that importing the library compiles nothing. */
let selected: Selection | undefined;

/** Made once for each variant: they are stateless but for their memory. */
const instances = new Map<Arithmetic, Selection>();

/** The pool that is open, or opening: while it is, it runs where its variant is chosen. */
interface OpenPool {
  readonly variant: Arithmetic;
  selection: Selection | undefined;
}

const MOST_THREADS = 64;
let pool: OpenPool | undefined;

/** The kernels that run. */
export function activeKernels(): Kernels {
  selected ??= automatic('auto');
  return selected.kernels;
}

/**
 * What runs the heavy products: their kind, variant and threads. The first call chooses, as
 * the first product would.
 */
export function kernelInfo(): KernelInfo {
  selected ??= automatic('auto');
  return selected.info;
}

/**
 * Chooses the kernels of this process (or page, or worker) by name. Whatever was made before computes
 * with them from now on: kernels hold no state.
 *
 * Without a call, or with 'auto', WebAssembly SIMD runs where the platform has it and may compile it;
 * plain TypeScript runs elsewhere, for example under a content security policy without
 * 'wasm-unsafe-eval'.
 *
 * @returns what runs now.
 * @throws RangeError for an unknown name; Error where 'wasm' was asked for and cannot run here, with the
 *   platform's reason as its cause. The choice stays as it was then.
 */
export function useKernels(kernels: KernelChoice, options: KernelOptions = {}): KernelInfo {
  checkChoice('useKernels', 'kernels', kernels, CHOICES);
  const { arithmetic } = KERNEL_OPTIONS.read('useKernels', options);
  if (kernels === 'typescript') selected = SCALAR;
  else if (kernels === 'auto') selected = automatic(arithmetic);
  else selected = byName(resolved(arithmetic));
  return selected.info;
}

/**
 * Compiles the WebAssembly kernels in the background and chooses them, for platforms that refuse to
 * compile at once; elsewhere nothing need be awaited, and this does what `useKernels('auto')` does.
 *
 * @returns what runs: plain TypeScript where WebAssembly cannot.
 * @throws RangeError for an unknown arithmetic.
 */
export async function initKernels(options: KernelOptions = {}): Promise<KernelInfo> {
  const { arithmetic } = KERNEL_OPTIONS.read('initKernels', options);
  const variant = resolved(arithmetic);
  try {
    instances.set(
      variant,
      instances.get(variant) ?? selection(variant, await compileAsync(variant)),
    );
  } catch {
    // The automatic choice finds what does run.
  }
  return useKernels('auto', options);
}

const POOL_OPTIONS = /* @__PURE__ */ optionList({
  ...KERNEL_OPTIONS.entries,
  /** The threads that compute, the calling one included (default: as many as there are cores). */
  threads: /* @__PURE__ */ integer(2, MOST_THREADS),
  /**
   * The address of the worker's script, 'nysact/worker' of this package, or a function that starts it:
   * needed where a bundler does not bring it along by itself.
   */
  worker: /* @__PURE__ */ guarded('a URL, or a function that starts a worker', isSource),
});

/** Options of {@link openPool}. @interface */
export type PoolOptions = OptionsOf<typeof POOL_OPTIONS>;

/** Threads that share the large products of this process. */
export interface Pool {
  readonly threads: number;
  /** Sends the workers home; what ran before the pool was opened runs again. Twice is once. */
  close(): void;
}

/**
 * Opens a pool of threads, and makes the WebAssembly kernels use it: large GEMM, SYRK and Cholesky
 * factorisations are cut into parts. Results are those of one thread, to the last bit. Between calls the
 * workers look for work for some microseconds and then sleep; in Node an open pool does not keep the
 * process from ending.
 *
 * A pool whose worker dies closes by itself, and no result is lost. What a worker has not begun when the
 * calling thread is ready, that thread computes. For a worker that has begun it waits 20 times as long as
 * its own part took, and 1 s at least; then the pool closes, and one thread computes the call anew.
 *
 * @throws (rejects) RangeError on options out of range; TypeError if `worker` is neither a URL nor a
 *   function; Error where WebAssembly cannot run, memory cannot be shared (a page must be cross-origin
 *   isolated), a worker does not start or is not found, or a pool is open already. What runs stays as it
 *   was then.
 */
export async function openPool(options: PoolOptions = {}): Promise<Pool> {
  const {
    threads = Math.min(Math.max(2, cores()), MOST_THREADS),
    arithmetic,
    worker,
  } = POOL_OPTIONS.read('openPool', options);
  if (pool !== undefined) {
    throw new Error('openPool: a pool is open or opening, expected it to be closed first');
  }
  const opened: OpenPool = { variant: resolved(arithmetic), selection: undefined };
  pool = opened;
  try {
    const module = await compileShared(opened.variant);
    let before: Selection | undefined;
    const leave = (): void => {
      if (pool === opened) pool = undefined;
      if (opened.selection !== undefined && selected === opened.selection) selected = before;
    };
    const { team, instance: shared, close } = await startTeam(module, threads, worker, leave);
    opened.selection = {
      kernels: sharedKernels(shared, team, () => single(opened.variant).kernels),
      info: { ...infoOf(opened.variant), threads },
    };
    before = selected;
    selected = opened.selection;
    return {
      threads,
      close: () => {
        leave();
        close();
      },
    };
  } catch (error) {
    if (pool === opened) pool = undefined;
    throw error;
  }
}

/** URLs of another realm are instances of no class of this one. */
function isSource(value: unknown): value is WorkerSource {
  return typeof value === 'function' || (isObject(value) && 'href' in value);
}

function infoOf(variant: Arithmetic): KernelInfo {
  return {
    kind: 'wasm',
    variant: variant === 'relaxed' ? 'relaxed-simd' : 'simd',
    threads: 1,
  };
}

function resolved(arithmetic: 'auto' | Arithmetic): Arithmetic {
  if (arithmetic !== 'auto') return arithmetic;
  return isSupported('relaxed') ? 'relaxed' : 'strict';
}

function automatic(arithmetic: 'auto' | Arithmetic): Selection {
  const variants: Arithmetic[] = arithmetic === 'auto' ? ['relaxed', 'strict'] : [arithmetic];
  for (const variant of variants) {
    try {
      return instance(variant);
    } catch {
      // Old engines lack an instruction, and policies forbid compiling: the next one is tried.
    }
  }
  return SCALAR;
}

function byName(variant: Arithmetic): Selection {
  try {
    return instance(variant);
  } catch (cause) {
    throw new Error(
      `useKernels: kernels is 'wasm' (${variant}), which cannot run here: ${String(cause)}`,
      {
        cause,
      },
    );
  }
}

function instance(variant: Arithmetic): Selection {
  if (pool?.variant === variant && pool.selection !== undefined) return pool.selection;
  return single(variant);
}

/** The kernels of one thread. */
function single(variant: Arithmetic): Selection {
  const known = instances.get(variant) ?? selection(variant, compile(variant));
  instances.set(variant, known);
  return known;
}

function selection(variant: Arithmetic, module: object): Selection {
  return { kernels: wasmKernels(() => instantiate(module)), info: infoOf(variant) };
}
