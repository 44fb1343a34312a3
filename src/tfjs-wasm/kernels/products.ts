// Products of matrices, with either operand transposed, in batches.

import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs';
import { type Call, isFloat, sizeOf, type TrainingKernel } from '../kernel.js';
import { finishOf } from './activation.js';

/** tf.matMul. */
export const batchMatMul: TrainingKernel = {
  name: 'BatchMatMul',
  run: (call) => multiplied(call),
};

/** tf.fused.matMul, and what dense layers call. */
export const fusedMatMul: TrainingKernel = {
  name: '_FusedMatMul',
  run(call) {
    const { host, inputs, attrs } = call;
    const { b, bias, preluActivationWeights } = inputs;
    if (!isFloat(b) || preluActivationWeights) return undefined;
    const { columns } = operandOf(b, isSet(attrs, 'transposeB'));
    const finish = finishOf(host, bias, columns, attrs);
    const result = finish === undefined ? undefined : multiplied(call);
    if (result !== undefined) finish?.(result);
    return result;
  },
};

/** One operand as the product sees it. */
interface Operand {
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
  /** How many matrices there are. */
  readonly count: number;
}

function operandOf({ shape }: TensorInfo, isTransposed: boolean): Operand {
  const [rows, columns] = shape.slice(-2);
  const count = sizeOf(shape.slice(0, -2));
  return isTransposed
    ? { rows: columns, columns: rows, rowStride: 1, columnStride: columns, count }
    : { rows, columns, rowStride: columns, columnStride: 1, count };
}

function multiplied({ host, inputs: { a, b }, attrs }: Call): TensorInfo | undefined {
  if (!isFloat(a) || !isFloat(b) || a.shape.length < 2 || b.shape.length < 2) return undefined;
  const [A, B] = [
    operandOf(a, isSet(attrs, 'transposeA')),
    operandOf(b, isSet(attrs, 'transposeB')),
  ];
  const batch = batchOf(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (batch === undefined || A.columns !== B.rows) return undefined;
  const { rows: m, columns: k } = A;
  const { columns: n } = B;
  const work = host.scratch(host.exports.multiplyWorkspace());
  if (work === undefined) return undefined;
  const result = host.output([...batch, m, n]);
  const [from, by, to] = [host.at(a), host.at(b), host.at(result)];
  const float = Float32Array.BYTES_PER_ELEMENT;
  for (let i = 0; i < sizeOf(batch); i++) {
    host.exports.multiply(
      m,
      n,
      k,
      from + (A.count === 1 ? 0 : i * m * k * float),
      A.rowStride,
      A.columnStride,
      by + (B.count === 1 ? 0 : i * k * n * float),
      B.rowStride,
      B.columnStride,
      to + i * m * n * float,
      work,
    );
  }
  return result;
}

/** The shape of a batch: that of both, or of the one where the other has a single matrix. */
function batchOf(a: readonly number[], b: readonly number[]): readonly number[] | undefined {
  if (String(a) === String(b)) return a;
  if (sizeOf(b) === 1 && b.length <= a.length) return a;
  if (sizeOf(a) === 1 && a.length <= b.length) return b;
  return undefined;
}

function isSet(attrs: NamedAttrMap, name: string): boolean {
  return attrs[name] === true;
}
