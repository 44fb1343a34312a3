// By how much the factorisation of a layer's sketch magnifies an error of what was sketched.

import { Matrix as MlMatrix, solve } from 'ml-matrix';
import type { Backend } from '../../src/backend/backend.js';
import { convert } from '../../src/core/matrix.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import type { LayerPreconditioner } from '../../src/precondition/layer.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import { norm, product } from '../support/matrices.js';
import { matrixOf } from './runs.js';

type F64 = 'float64';

/**
 * Â = CB⁻¹Cᵀ with B = SᵀC. To first order an error E of C moves it by
 * EB⁻¹Cᵀ + CB⁻¹Eᵀ − CB⁻¹(SᵀE)B⁻¹Cᵀ, whose norm is at most ‖E‖(2‖K‖ + ‖K‖²‖S‖) with K = CB⁻¹; and E is
 * that of A times ‖S‖. Where only the r largest of the eigenvalues are kept, their eigenvectors turn by
 * the error over the gap behind them. 1 where the layer keeps no sketch.
 */
export async function sketchCondition(
  backend: Backend<F64>,
  layer: LayerPreconditioner<F64>,
  rank: number,
): Promise<number> {
  const sketch = await sketchOf(backend, layer);
  if (sketch === undefined) return 1;
  const C = await matrixOf(backend, layer, 'C/average');
  const S = denseSketch(sketch, 'float64');
  const B = product(S, 'T', C, 'N');
  const K = solve(new MlMatrix(B.toArrays()), new MlMatrix(C.toArrays()).transpose()).norm();
  const { eigenvalues } = nystromEigenpairs(C, sketch);
  const [last, next] = [eigenvalues[rank - 1], eigenvalues[rank] ?? 0];
  const turned = sketch.width > rank ? 1 + (2 * last) / (last - next) : 1;
  return (2 * K + K ** 2 * norm(S)) * norm(S) * turned;
}

/** The sketch that a layer's averages are taken with. */
async function sketchOf(
  backend: Backend<F64>,
  layer: LayerPreconditioner<F64>,
): Promise<Sketch<F64> | undefined> {
  for (const { name, holds } of layer.state) {
    if (name === 'sketch/S' && 'slot' in holds) {
      const S = convert(await backend.read(holds.slot), 'float64');
      return { kind: 'dense', inputs: S.rows, width: S.cols, S };
    }
    if (name === 'sketch/columns' && 'length' in holds) {
      const { rows: inputs, cols: width } = await matrixOf(backend, layer, 'C/average');
      return { kind: 'columns', inputs, width, indices: holds.get() };
    }
  }
  return undefined;
}
