// Primitives, which the author of a backend supplies.

import { checkChoice, checkFunction, checkType, isObject } from '../core/check.js';
import { DTYPES, type DType } from '../core/dtype.js';
import type { DenseMatrix, Op } from '../core/matrix.js';
import type { FusedSketch } from '../kernels/kernels.js';
import type { BackendInfo } from './backend.js';

/**
 * The operations of a backend on what slots stand for: a matrix, a texture, a tensor. Their operands
 * were checked.
 */
export interface Primitives<D extends DType, Content> {
  readonly dtype: D;
  readonly info: BackendInfo;

  /** Zeros. */
  allocate(rows: number, cols: number): Content;
  write(A: Content, value: DenseMatrix<D>): void;
  free?(A: Content): void;
  read(A: Content): Promise<DenseMatrix<D>>;
  readSync?(A: Content): DenseMatrix<D>;
  bound?(A: Content): number;
  /** Present where contents may share memory: whether two do, and the first two of many. */
  readonly sharing?: {
    overlap(A: Content, B: Content): boolean;
    first(contents: readonly Content[]): readonly [number, number] | undefined;
  };

  gemm(alpha: number, A: Content, opA: Op, B: Content, opB: Op, beta: number, C: Content): void;
  syrk(alpha: number, A: Content, beta: number, C: Content): void;
  axpby(alpha: number, A: Content, beta: number, C: Content): void;
  multiply(alpha: number, A: Content, B: Content, beta: number, C: Content): void;
  divide(A: Content, B: Content, shift: number, C: Content): void;
  divideByRoot(
    alpha: number,
    A: Content,
    beta: number,
    B: Content,
    shift: number,
    C: Content,
  ): void;
  dot(alpha: number, A: Content, B: Content, beta: number, s: Content): void;
  clip(s: Content, limit: number, C: Content): void;
  joinColumns(A: Content, B: Content, C: Content): void;
  sliceColumns(A: Content, from: number, C: Content): void;
  gatherColumns(A: Content, indices: Int32Array, C: Content): void;

  /** Faster forms of what is composed elsewhere: the same law, not the same bits. */
  readonly fused?: {
    sketchMoment?(
      X: Content,
      S: FusedSketch<Content>,
      weight: number,
      decay: number,
      C: Content,
    ): void;
  };
}

/** The primitives that must be there, and those that may be. */
const REQUIRED = [
  'allocate',
  'write',
  'read',
  'gemm',
  'syrk',
  'axpby',
  'multiply',
  'divide',
  'divideByRoot',
  'dot',
  'clip',
  'joinColumns',
  'sliceColumns',
  'gatherColumns',
];
const OPTIONAL = ['free', 'readSync', 'bound'];

/**
 * The primitives that must be there must be functions, and those that may be too.
 *
 * @throws TypeError where one is not, RangeError for an unknown dtype.
 */
export function checkPrimitives<D extends DType, Content>(
  where: string,
  primitives: Primitives<D, Content>,
): void {
  checkType(where, 'primitives', primitives, isObject(primitives), 'an object of functions');
  const { dtype, info } = primitives;
  checkChoice(where, 'dtype', dtype, DTYPES);
  const described = isObject(info) && 'name' in info && 'variant' in info;
  checkType(where, 'info', info, described, 'an object with name and variant');
  for (const name of REQUIRED) checkFunction(where, name, Reflect.get(primitives, name));
  for (const name of OPTIONAL) {
    const primitive: unknown = Reflect.get(primitives, name);
    if (primitive !== undefined) checkFunction(where, name, primitive);
  }
}
