// Ways to spoil a step and a saved state, each of which must be refused with nothing changed.

import { type Backend, type Slot, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { PlainEntry, PlainMatrix, PlainState } from '../../src/backend/saved-state.js';
import { type DType, LARGEST } from '../../src/core/dtype.js';
import { convert, zeros } from '../../src/core/matrix.js';
import type { StepOptions } from '../../src/optimize/optimizer.js';
import type { Observation } from '../../src/precondition/observation.js';
import { denseRows, slotRows } from '../../src/rows/dense.js';
import type { Rows } from '../../src/rows/rows.js';
import { filled } from '../support/matrices.js';
import type { StepInput } from './training.js';

/** Everything that `Optimizer.step` takes. */
export interface StepArguments<D extends DType> extends StepInput<D> {
  readonly parameters: readonly Slot<D>[];
}

/** A name for the fault, and the step with it in place of the good one. */
export type Fault<Good> = readonly [name: string, bad: Good];

/** Every fault that a step may have: those of observations where there are any, of D where one has it. */
export function faultySteps<D extends DType>(
  good: StepArguments<D>,
  backend: Backend<D>,
): Fault<StepArguments<D>>[] {
  const { gradients, parameters, observations, options } = good;
  return [
    ...(options.hessianProduct === undefined ? [] : faultyProducts()).map(
      ([name, bad]): Fault<StepArguments<D>> => [name, { ...good, options: bad }],
    ),
    ['a gradient at the end of the range', { ...good, gradients: largest(gradients, backend) }],
    ['a gradient too few', { ...good, gradients: gradients.slice(1) }],
    ['no gradient', { ...good, gradients: [] }],
    ['gradients in another order', { ...good, gradients: gradients.toReversed() }],
    ['a parameter too many', { ...good, parameters: [...parameters, parameters[0]] }],
    ...faultyLast(gradients, (slot) => faultySlots('a gradient', slot, backend)).map(
      ([name, bad]): Fault<StepArguments<D>> => [name, { ...good, gradients: bad }],
    ),
    // That finite parameters stay finite is promised, not that others are found.
    ...faultyLast(parameters, (slot) =>
      faultySlots('a parameter', slot, backend).filter(([name]) => !name.includes(' with ')),
    ).map(([name, bad]): Fault<StepArguments<D>> => [name, { ...good, parameters: bad }]),
    ...(observations.length === 0 ? [] : faultyObservations(observations, backend)).map(
      ([name, bad]): Fault<StepArguments<D>> => [name, { ...good, observations: bad }],
    ),
  ];
}

function refuse(): never {
  throw new Error('the host: expected to fail');
}

function faultyProducts<D extends DType>(): Fault<StepOptions<D>>[] {
  return [
    ['no product of the Hessian', {}],
    ['a product that throws', { hessianProduct: refuse }],
    ['a product that comes later', { hessianProduct: async () => {} }],
  ];
}

/** The last gradient as large as numbers go: finite, but not what momentum or a step makes of it. */
function largest<D extends DType>(good: readonly Slot<D>[], backend: Backend<D>): Slot<D>[] {
  const { rows, cols } = good[good.length - 1];
  const A = zeros(backend.dtype, rows, cols);
  A.data.fill(LARGEST[backend.dtype]);
  return [...good.slice(0, -1), upload(backend, A)];
}

function faultyObservations<D extends DType>(
  good: readonly Observation<D>[],
  backend: Backend<D>,
): Fault<readonly Observation<D>[]>[] {
  const ofOne = (seen: Observation<D>): Fault<Observation<D>>[] => {
    const { X, D: gradients } = seen;
    const ofX = faultyRows('X', X, backend);
    const ofD = gradients === undefined ? [] : faultyRows('D', gradients, backend);
    return [
      ['examples of 0', { ...seen, examples: 0 }],
      ['examples of NaN', { ...seen, examples: Number.NaN }],
      ...ofX.map(([name, bad]): Fault<Observation<D>> => [name, { ...seen, X: bad }]),
      ...ofD.map(([name, bad]): Fault<Observation<D>> => [name, { ...seen, D: bad }]),
      ...(gradients === undefined ? [] : [['no D', { X }] satisfies Fault<Observation<D>>]),
    ];
  };
  return [['an observation too many', [...good, good[0]]], ...faultyLast(good, ofOne)];
}

function faultyRows<D extends DType>(
  name: string,
  { rows, cols }: Rows<D>,
  backend: Backend<D>,
): Fault<Rows<D>>[] {
  const ending = (value: number): Rows<D> => {
    const A = convert(filled(rows, cols, 1), backend.dtype);
    A.data[A.data.length - 1] = value;
    return slotRows(backend, upload(backend, A));
  };
  const ones = (on: Backend<D>, width: number) => denseRows(on, filled(rows, width, 1));
  return [
    [`${name} of another shape`, ones(backend, cols + 1)],
    [`${name} with NaN`, ending(Number.NaN)],
    [`${name} with -Infinity`, ending(Number.NEGATIVE_INFINITY)],
    [`${name} at the end of the range`, ending(LARGEST[backend.dtype])],
    [`${name} of another backend`, ones(cpuBackend(backend.dtype), cols)],
  ];
}

function faultySlots<D extends DType>(
  name: string,
  { rows, cols }: Slot<D>,
  backend: Backend<D>,
): Fault<Slot<D>>[] {
  const ending = (value: number): Slot<D> => {
    const A = zeros(backend.dtype, rows, cols);
    A.data[A.data.length - 1] = value;
    const slot = backend.allocate(rows, cols);
    backend.write(slot, A);
    return slot;
  };
  const freed = backend.allocate(rows, cols);
  backend.free(freed);
  return [
    [`${name} of another shape`, backend.allocate(rows, cols + 1)],
    [`${name} with NaN`, ending(Number.NaN)],
    [`${name} with -Infinity`, ending(Number.NEGATIVE_INFINITY)],
    [`${name} of another backend`, cpuBackend(backend.dtype).allocate(rows, cols)],
    [`${name} that was freed`, freed],
  ];
}

/** The faults of the last item, which is looked at when all others have passed. */
function faultyLast<Item>(
  items: readonly Item[],
  faults: (last: Item) => Fault<Item>[],
): Fault<readonly Item[]>[] {
  return faults(items[items.length - 1]).map(([name, bad]) => [name, [...items.slice(0, -1), bad]]);
}

/** Every fault that one entry of a saved state may have, entry by entry, and those of the whole. */
export function faultyStates(good: PlainState): Fault<PlainState>[] {
  const { run, entries } = good;
  const withEntries = (changed: object): PlainState => ({ ...good, entries: { ...changed } });
  const ofEntries = Object.entries(entries).flatMap(([name, value]): Fault<PlainState>[] => {
    const { [name]: _, ...without } = entries;
    return [
      [`no ${name}`, withEntries(without)],
      ...faultyEntries(value).map(
        ([what, bad]): Fault<PlainState> => [
          `${name}: ${what}`,
          withEntries({ ...entries, [name]: bad }),
        ],
      ),
    ];
  });
  const ofRun = Object.entries(run).flatMap(([name, value]): Fault<PlainState>[] => {
    const { [name]: _, ...without } = run;
    return [
      [`another ${name}`, { ...good, run: { ...run, [name]: `${value}, or so` } }],
      [`no ${name} in the run`, { ...good, run: without }],
    ];
  });
  return [
    ['an unknown entry', withEntries({ ...entries, unknown: 1 })],
    ['another version', { ...good, version: good.version + 1 }],
    ['a run with more options', { ...good, run: { ...run, unknown: 1 } }],
    ...ofRun,
    ...ofEntries,
  ];
}

function faultyEntries(value: PlainEntry): Fault<PlainEntry>[] {
  if (typeof value === 'number') return faultyNumbers();
  return 'data' in value ? faultyMatrices(value) : faultyIndices(value);
}

function faultyNumbers(): Fault<PlainEntry>[] {
  return [
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['negative', -2],
    ['a matrix', { rows: 1, cols: 1, data: Float64Array.of(1) }],
  ];
}

function faultyIndices(good: Int32Array): Fault<PlainEntry>[] {
  return [
    ['a number', 1],
    ['too few', good.slice(1)],
    ['one twice', good.with(0, good[1])],
    ['one that is negative', good.with(0, -1)],
    ['one that is too large', good.with(0, 1000)],
  ];
}

function faultyMatrices({ rows, cols, data }: PlainMatrix): Fault<PlainEntry>[] {
  return [
    ['a number', 1],
    ['another shape', { rows: rows + 1, cols, data }],
    ['too short', { rows, cols, data: data.slice(1) }],
    [
      'another dtype',
      {
        rows,
        cols,
        data: data instanceof Float32Array ? new Float64Array(data) : new Float32Array(data),
      },
    ],
    ['NaN', { rows, cols, data: data.with(data.length - 1, Number.NaN) }],
  ];
}
