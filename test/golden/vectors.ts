// Reads recorded traces, and checks their shape as far as the replay relies on it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { DenseMatrix } from '../../src/core/matrix.js';

export interface Recorded {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface Draw extends Partial<Recorded> {
  readonly indices?: readonly number[];
}

/** What a run was made with; what does not apply is absent or null. */
export interface Meta {
  readonly optimizer: 'nysact' | 'foof' | 'kfac' | 'eva';
  readonly variant: 'paper-code' | 'corrected';
  readonly lr: number;
  readonly lrs?: readonly number[] | null;
  readonly momentum: number;
  readonly beta2: number;
  readonly damping: number;
  readonly weightDecay: number;
  readonly tauCov: number;
  readonly tauInv?: number | null;
  readonly rank?: number | null;
  readonly policy?: 'restart' | 'fixed' | null;
  readonly shift?: 'tiny' | 'damping' | null;
  readonly klClip?: number | null;
  readonly clipLr?: number | null;
  readonly rows?: number | null;
}

export interface LayerRecord {
  readonly kind: 'linear' | 'conv';
  readonly bias: boolean;
  readonly weightShape: readonly number[];
  readonly kernel?: readonly [number, number];
  readonly stride?: readonly [number, number];
  readonly padding?: readonly [number, number];
  readonly dilation?: readonly [number, number];
}

export interface StepRecord {
  readonly inputs: readonly Recorded[];
  /** By parameter, flat; the shapes are those of params0. */
  readonly grads: Readonly<Record<string, readonly number[]>>;
  readonly gradOutputs?: readonly Recorded[];
  readonly draws?: readonly (Draw | null)[];
  readonly preconditioned: Readonly<Record<string, readonly number[]>>;
  readonly params: Readonly<Record<string, readonly number[]>>;
}

export interface Trace {
  readonly meta: Meta;
  readonly layers: readonly LayerRecord[];
  readonly params0: Readonly<Record<string, Recorded>>;
  readonly steps: readonly StepRecord[];
}

export interface UnitCase {
  readonly name: string;
  readonly n: number;
  readonly r: number;
  readonly rho: number;
  readonly A: readonly number[];
  readonly S: readonly number[];
  readonly C: readonly number[];
  readonly indices: readonly number[] | null;
  readonly paperCode: { readonly mu: readonly number[]; readonly P: readonly number[] };
  readonly correctedTiny: { readonly mu: readonly number[]; readonly P: readonly number[] };
  readonly correctedDamping: { readonly mu: readonly number[]; readonly P: readonly number[] };
}

export type VectorFile =
  | { readonly name: string; readonly kind: 'trace'; readonly trace: Trace }
  | { readonly name: string; readonly kind: 'unit'; readonly cases: readonly UnitCase[] }
  | { readonly name: string; readonly kind: 'other' };

const bundled = fileURLToPath(new URL('../fixtures/golden/', import.meta.url));

/** Every file of the folder, one by one. */
export function vectorFiles(): readonly VectorFile[] {
  const folder = process.env.NYSACT_VECTORS ?? bundled;
  const names = readdirSync(folder).filter((name) => /\.json(\.gz)?$/.test(name));
  if (names.length === 0) throw new Error(`no .json or .json.gz file in ${folder}`);
  return names.toSorted().map((name) => {
    const bytes = readFileSync(join(folder, name));
    const text = name.endsWith('.gz') ? gunzipSync(bytes).toString('utf8') : bytes.toString('utf8');
    const content = JSON.parse(text);
    if ('cases' in content) return { name, kind: 'unit', cases: content.cases };
    if ('steps' in content) return { name, kind: 'trace', trace: content };
    return { name, kind: 'other' };
  });
}

/** A float64 matrix with as many columns as fit `rows` rows. */
export function matrix64(data: readonly number[], rows: number): DenseMatrix<'float64'> {
  return new DenseMatrix('float64', rows, data.length / rows, Float64Array.from(data));
}
