// The valid calls of backends, what is made on them, and what makes one.

import type { Backend, Slot } from '../../../src/index.js';
import * as root from '../../../src/index.js';
import * as entry from '../../../src/rows.js';
import { primitivesOf } from '../../support/backends.js';
import { backend } from './grid.js';
import {
  callable,
  flag,
  integer,
  type Kind,
  list,
  nonNegative,
  optional,
  own,
  parts,
  real,
  record,
  that,
  word,
} from './kinds.js';
import { dense } from './matrices.js';
import { exported, method, type Routine } from './probe.js';

const { upload } = root;
const slot = own;
/** Any slot in use of the backend: the grid has one, of another shape. */
const anySlot = that((value) => isLive(value));
/** Whole numbers in range, which are too few for their output. */
const indices = that(
  (value) =>
    Object(value).length === (isBytes(value) ? 5 : 0) &&
    typeof value === 'object' &&
    !(value instanceof Float64Array),
);
const size = that((value) => Number.isSafeInteger(value) && Number(value) >= 0);

function isBytes(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object Uint8Array]';
}

function isLive(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.isFrozen(value) &&
    'rows' in value &&
    value.rows === 7
  );
}

/** A slot of this shape. */
export function placed(rows: number, cols: number): Slot<'float64'> {
  return upload(backend, dense(rows, cols));
}

/** What every backend can do, on one of them. */
export function operations<D extends root.DType>(
  title: string,
  on: Backend<D>,
): readonly Routine[] {
  const anyHere = on.dtype === 'float64' && title === 'Backend' ? anySlot : slot;
  const made = (rows: number, cols: number) => on.allocate(rows, cols);
  const of = (
    name: string,
    kinds: Routine['kinds'],
    args: () => readonly unknown[],
    watch?: () => unknown,
  ) => method(`${title}.${name}`, kinds, () => on, args, watch === undefined ? {} : { watch });
  const value = () => new root.DenseMatrix(on.dtype, 2, 2, root.zeros(on.dtype, 2, 2).data);
  const operation = (
    name: string,
    kinds: Readonly<Record<string, Kind>>,
    args: () => readonly unknown[],
  ) => of(name, kinds, args);
  return [
    of('allocate', { rows: size, cols: size }, () => [2, 3]),
    of('write', { A: slot, value: own }, () => [made(2, 2), value()]),
    of('free', { A: anyHere }, () => [made(2, 2)]),
    of('read', { A: anyHere }, () => [made(2, 2)]),
    ...(on.readSync === undefined ? [] : [of('readSync', { A: anyHere }, () => [made(2, 2)])]),
    ...(on.bound === undefined ? [] : [of('bound', { A: anyHere }, () => [made(2, 2)])]),
    ...('wrap' in on
      ? [
          of(
            'wrap',
            {
              A: that(isTall),
            },
            () => [value()],
          ),
        ]
      : []),
    of(
      'firstOverlap',
      { slots: { ...list(anyHere), has: (v) => Array.isArray(v) && v.length === 0 } },
      () => [[made(2, 2), made(2, 2)]],
    ),
    of('borrow', { body: callable }, () => [() => undefined]),
    operation(
      'gemm',
      { alpha: real, A: slot, opA: word, B: slot, opB: word, beta: real, C: slot },
      () => [1, made(2, 3), 'N', made(3, 4), 'N', 0, made(2, 4)],
    ),
    operation('syrk', { alpha: real, A: slot, beta: real, C: slot }, () => [
      1,
      made(2, 3),
      0,
      made(3, 3),
    ]),
    operation(
      'sketchMoment',
      { X: slot, S: parts({ kind: word, S: slot }), weight: real, decay: real, C: slot },
      () => [made(2, 3), { kind: 'dense', S: made(3, 2) }, 1, 0, made(3, 2)],
    ),
    operation(
      'sketchMoment',
      { X: slot, S: parts({ kind: word, indices }), weight: real, decay: real, C: slot },
      () => [made(2, 3), { kind: 'columns', indices: Int32Array.of(0, 2) }, 1, 0, made(3, 2)],
    ),
    operation('axpby', { alpha: real, A: slot, beta: real, C: slot }, () => [
      1,
      made(2, 3),
      0,
      made(2, 3),
    ]),
    operation('multiply', { alpha: real, A: slot, B: slot, beta: real, C: slot }, () => [
      1,
      made(2, 3),
      made(2, 3),
      0,
      made(2, 3),
    ]),
    operation('divide', { A: slot, B: slot, shift: real, C: slot }, () => [
      made(2, 3),
      made(2, 3),
      1,
      made(2, 3),
    ]),
    operation(
      'divideByRoot',
      { alpha: real, A: slot, beta: real, B: slot, shift: real, C: slot },
      () => [1, made(2, 3), 1, made(2, 3), 1, made(2, 3)],
    ),
    operation('dot', { alpha: real, A: slot, B: slot, beta: real, s: slot }, () => [
      1,
      made(2, 3),
      made(2, 3),
      0,
      made(1, 1),
    ]),
    operation('clip', { s: slot, limit: nonNegative, C: anyHere }, () => [
      made(1, 1),
      1,
      made(2, 3),
    ]),
    operation('joinColumns', { A: slot, B: slot, C: slot }, () => [
      made(2, 3),
      made(2, 1),
      made(2, 4),
    ]),
    operation('sliceColumns', { A: slot, from: integer(0, 1), C: slot }, () => [
      made(2, 3),
      1,
      made(2, 2),
    ]),
    operation('gatherColumns', { A: slot, indices, C: slot }, () => [
      made(2, 3),
      Int32Array.of(0, 2),
      made(2, 2),
    ]),
  ];
}

const PRIMITIVES = primitivesOf(backend);
const geometry = {
  batch: 2,
  channels: 2,
  height: 3,
  width: 3,
  layout: 'channelsLast' as const,
  kernel: [2, 2] as const,
};
const pair = list(integer(1));
const image = {
  batch: own,
  channels: own,
  height: own,
  width: own,
  layout: word,
  groups: optional(integer(1, 2)),
};
const geometryKind = record({
  ...image,
  kernel: list(integer(1, 3)),
  stride: optional({ ...pair, has: integer(1).has }),
  padding: optional({ ...list(integer()), has: integer().has }),
  dilation: optional({ ...pair, has: integer(1, 2).has }),
});
const full = {
  ...geometry,
  stride: [1, 1] as const,
  padding: [0, 0] as const,
  dilation: [1, 1] as const,
};
const { kernel: _, ...pixels } = geometry;
const images = () => new Float64Array(36);
const weights = optional(own);
const exampleOf = optional(own);
const backendKind = own;

/** The moments that any rows can take. */
function moments(title: string, make: () => root.Rows<'float64'>): Routine[] {
  // The moments are made of the operations of a backend, and refused in their words.
  const more = {
    where: 'gemm|syrk|dot|axpby|multiply|sketchMoment|sum',
    aliases: { weight: 'alpha|weight', decay: 'beta|decay', A: 'C', a: 'C', s: 's|C', S: 'S|B' },
  };
  const p = make().cols;
  const factors = { weight: real, decay: real };
  return [
    method(`${title}.bound`, {}, make, () => []),
    method(
      `${title}.secondMoment`,
      { ...factors, A: slot },
      make,
      () => [1, 0, placed(p, p)],
      more,
    ),
    method(
      `${title}.sketchMoment`,
      { S: parts({ kind: word, S: slot }), ...factors, C: slot },
      make,
      () => [{ kind: 'dense', S: placed(p, 2) }, 1, 0, placed(p, 2)],
      more,
    ),
    method(
      `${title}.sum`,
      { ...factors, a: slot, first: optional(integer(1, 2)) },
      make,
      () => [1, 0, placed(1, p), 1],
      more,
    ),
    method(`${title}.diagonal`, { ...factors, a: slot }, make, () => [1, 0, placed(1, p)], more),
    method(`${title}.squaredNorm`, { ...factors, s: slot }, make, () => [1, 0, placed(1, 1)], more),
    method(
      `${title}.squares`,
      { T: slot, ...factors, Y: slot },
      make,
      () => [placed(2, make().rows), 1, 0, placed(2, p)],
      { ...more, where: `squares|${more.where}`, aliases: { ...more.aliases, Y: 'C' } },
    ),
    method(`${title}.visit`, { see: callable }, make, () => [() => undefined]),
    method(`${title}.dispose`, {}, make, () => []),
  ];
}

export const backends: readonly Routine[] = [
  exported(root, 'cpuBackend', { dtype: word }, () => ['float64']),
  exported(
    root,
    'backendFrom',
    {
      primitives: parts({
        ...Object.fromEntries(Object.keys(PRIMITIVES).map((name) => [name, callable])),
        dtype: word,
        info: own,
        free: optional(callable),
        readSync: optional(callable),
        bound: optional(callable),
      }),
    },
    () => [PRIMITIVES],
  ),
  exported(root, 'upload', { backend: backendKind, value: that(isTall) }, () => [
    backend,
    dense(2, 2),
  ]),
  exported(root, 'withSlots', { backend: backendKind, work: callable }, () => [backend, () => 1]),
  ...operations('Backend', backend),
  ...operations('backendFrom()', root.backendFrom(PRIMITIVES)),

  exported(
    root,
    'denseRows',
    {
      backend: backendKind,
      X: that(isTall),
      options: optional(
        record({ cols: optional(integer(4, 4)), bias: optional(flag), weights, exampleOf }),
      ),
    },
    () => [backend, dense(3, 4), { weights: [1, 2, 3], exampleOf: [0, 1, 0] }],
  ),
  exported(
    root,
    'slotRows',
    {
      backend: backendKind,
      X: anySlot,
      options: optional(record({ bias: optional(flag), exampleOf })),
    },
    () => [backend, placed(3, 4), { bias: true, exampleOf: [0, 1, 0] }],
  ),
  ...moments('Rows', () =>
    root.denseRows(backend, dense(3, 4), { bias: true, weights: [1, 2, 3] }),
  ),
  ...moments('Rows of slots', () => root.slotRows(backend, placed(3, 4))),
  ...moments('Rows of words', () => entry.oneHotRows(backend, [0, 2, 1], { cols: 4 })),
  ...moments('Rows of parts', () =>
    entry.joinedRows([
      root.slotRows(backend, placed(3, 4)),
      root.denseRows(backend, dense(3, 4), { weights: [1, 2, 3] }),
    ]),
  ),
  ...moments('Rows of patches', () => entry.patchRows(backend, images(), geometry)[0]),

  exported(
    entry,
    'joinedRows',
    { parts: list(own), options: optional(record({ batches: optional(own) })) },
    () => [
      [root.slotRows(backend, placed(3, 4)), root.slotRows(backend, placed(2, 4))],
      { batches: [0, 1] },
    ],
  ),
  exported(entry, 'convolutionOutput', { geometry: geometryKind }, () => [full]),
  exported(entry, 'extractPatches', { input: own, geometry: geometryKind }, () => [images(), full]),
  exported(entry, 'outputGradientRows', { input: own, shape: record(image) }, () => [
    images(),
    pixels,
  ]),
  exported(
    entry,
    'flattenSequences',
    { input: own, shape: record({ batch: own, time: own, features: own }) },
    () => [new Float64Array(12), { batch: 2, time: 3, features: 2 }],
  ),
  exported(
    entry,
    'oneHotRows',
    {
      backend: backendKind,
      indices: that(isBytes),
      options: record({ cols: integer(3), weights, exampleOf }),
    },
    () => [backend, [0, 2, 1], { cols: 3 }],
  ),
  exported(
    entry,
    'patchRows',
    {
      backend: backendKind,
      images: own,
      geometry: geometryKind,
      options: optional(record({ bias: optional(flag), weights, strip: optional(integer(1)) })),
    },
    () => [backend, images(), full, { weights: Array.from({ length: 8 }, () => 1) }],
  ),
  exported(
    entry,
    'imageRows',
    {
      backend: backendKind,
      gradients: own,
      shape: record(image),
      options: optional(record({ weights })),
    },
    () => [backend, images(), pixels, {}],
  ),
];

/** The matrix of the grid that has its memory. */
function isTall(value: unknown): boolean {
  return value instanceof root.DenseMatrix && value.rows === 7;
}
