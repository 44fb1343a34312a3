// Compiling and instantiating the WebAssembly kernels.

import { isObject } from '../../core/check.js';
import { BINARIES } from './binaries.js';
import { decodeBase64, type WasmMemory, type WasmModule, webAssembly } from './platform.js';

/**
 * How products are added up: `strict` rounds every product, and gives the same bits on every machine;
 * `relaxed` leaves it to the processor, which usually fuses both steps into one.
 */
export type Arithmetic = 'strict' | 'relaxed';

type Product = (
  m: number,
  n: number,
  k: number,
  alpha: number,
  A: number,
  rsA: number,
  csA: number,
  B: number,
  rsB: number,
  csB: number,
  beta: number,
  C: number,
  ldc: number,
  reach: number,
  work: number,
) => void;

type Solve = (
  upper: number,
  n: number,
  m: number,
  L: number,
  rsT: number,
  csT: number,
  X: number,
  rsX: number,
  csX: number,
  work: number,
) => void;

type FillNormal = (
  keyLow: number,
  keyHigh: number,
  scale: number,
  p: number,
  r: number,
  S: number,
  work: number,
) => void;

type Cholesky = (n: number, A: number, lda: number, work: number) => number;
type Invert = (n: number, L: number, B: number, work: number) => void;

/** What ../assembly/index.ts exports; pointers and sizes are numbers. */
export interface Exports {
  workspace(): number;
  readonly product32: Product;
  readonly product64: Product;
  finite32(m: number, n: number, C: number, ldc: number, reach: number): number;
  readonly solve32: Solve;
  readonly solve64: Solve;
  readonly fillNormal32: FillNormal;
  readonly fillNormal64: FillNormal;
  readonly cholesky32: Cholesky;
  readonly cholesky64: Cholesky;
  readonly invert32: Invert;
  readonly invert64: Invert;
  reflectionsElements(rows: number): number;
  reduceColumns64(n: number, m: number, At: number, Rt: number, work: number): void;
  accumulate64(
    k: number,
    n: number,
    m: number,
    Vt: number,
    ldv: number,
    Qt: number,
    ldq: number,
    work: number,
  ): void;
  tridiagonalise64(
    n: number,
    A: number,
    d: number,
    e: number,
    Vt: number,
    P: number,
    S: number,
    work: number,
  ): void;
  rotate64(
    n: number,
    m: number,
    Z: number,
    count: number,
    rows: number,
    cosines: number,
    sines: number,
    strip: number,
  ): void;
}

/** The largest memory, in pages of 64 KiB, as the modules declare it. */
const PAGES = 65_536;

/** The smallest range of a shared memory that is of use: 256 MiB. */
const FEWEST_PAGES = 4096;

function requireApi(): NonNullable<ReturnType<typeof webAssembly>> {
  const api = webAssembly();
  if (api === undefined) throw new Error('this platform has no WebAssembly');
  return api;
}

/** Whether this engine has the instructions of a variant; does not compile it. */
export function isSupported(arithmetic: Arithmetic): boolean {
  return webAssembly()?.validate(decodeBase64(BINARIES[arithmetic])) ?? false;
}

/**
 * Compiles a variant, at once. Takes some milliseconds.
 *
 * @throws what the platform throws where it has no WebAssembly, lacks the instructions, or is
 *   forbidden to compile (by a content security policy, or on a page's main thread).
 */
export function compile(arithmetic: Arithmetic): WasmModule {
  return new (requireApi().Module)(decodeBase64(BINARIES[arithmetic]));
}

/**
 * As {@link compile}, for platforms that compile in the background only.
 *
 * @throws (rejects) as it does.
 */
export async function compileAsync(arithmetic: Arithmetic): Promise<WasmModule> {
  return requireApi().compile(decodeBase64(BINARIES[arithmetic]));
}

/** An instance, and the memory that it computes in. */
export interface Instance {
  readonly exports: Exports;
  readonly memory: WasmMemory;
}

/**
 * A memory that threads can share; it grows as it is needed.
 *
 * @throws Error where there is no WebAssembly, or no room for it.
 */
export function sharedMemory(): WasmMemory {
  const { Memory } = requireApi();
  // Shared memory never moves: its whole range is set aside at once, which a small machine may refuse.
  for (let maximum = PAGES; ; maximum /= 2) {
    try {
      return new Memory({ initial: 1, maximum, shared: true });
    } catch (error) {
      if (maximum <= FEWEST_PAGES) throw error;
    }
  }
}

/**
 * Instantiates a module on `memory`, or on one of its own, which grows as it is needed.
 *
 * @throws Error where there is no WebAssembly, or the module is another one.
 */
export function instantiate(
  module: WasmModule,
  memory: WasmMemory = new (requireApi().Memory)({ initial: 1, maximum: PAGES, shared: false }),
): Instance {
  const { exports } = new (requireApi().Instance)(module, { env: { memory } });
  if (!isExports(exports)) throw new Error('the WebAssembly module exports other kernels');
  return { exports, memory };
}

/** What an import of a memory begins with: the names of the module and of the field, and its kind. */
const MEMORY_IMPORT = [3, ...ascii('env'), 6, ...ascii('memory'), 2] as const;

/** The flags of a memory that has a maximum, without and with sharing. */
const UNSHARED = 1;
const SHARED = 3;

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

/**
 * The bytes of a module as one whose memory is shared: one flag of its import differs, so that sharing
 * costs no payload.
 *
 * @throws Error where the module imports no memory.
 */
export function asShared(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((_, i) => MEMORY_IMPORT.every((byte, k) => bytes[i + k] === byte));
  const flags = start + MEMORY_IMPORT.length;
  if (start < 0 || bytes[flags] !== UNSHARED) {
    throw new Error('the WebAssembly module imports no memory');
  }
  bytes[flags] = SHARED;
  return bytes;
}

/**
 * Compiles a variant whose memory is to be shared.
 *
 * @throws (rejects) as {@link compile} does.
 */
export async function compileShared(arithmetic: Arithmetic): Promise<WasmModule> {
  return requireApi().compile(asShared(decodeBase64(BINARIES[arithmetic])));
}

function isExports(exports: unknown): exports is Exports {
  return isObject(exports) && 'invert64' in exports;
}
