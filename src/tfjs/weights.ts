// The state of an optimiser as the named tensors that TensorFlow.js saves and loads.

import type { Tensor } from '@tensorflow/tfjs';
import type { PlainMatrix, PlainState } from '../backend/state.js';
import type { NamedTensor, TensorFlowCore } from './tensorflow.js';

/**
 * One tensor an entry: a matrix as float32, a number as the two int32 halves of its float64, so
 * that it survives bit for bit. The tensors are the caller's to dispose of.
 */
export function toNamedTensors(tf: TensorFlowCore, state: PlainState): NamedTensor[] {
  return Object.entries(state).map(([name, value]) => ({
    name,
    tensor: typeof value === 'number' ? halves(tf, value) : tf.tensor2d(...contentOf(value)),
  }));
}

/**
 * What {@link toNamedTensors} was given.
 *
 * @throws TypeError for a tensor that it cannot have made.
 */
export async function fromNamedTensors(weights: readonly NamedTensor[]): Promise<PlainState> {
  const entries = weights.map(
    async ({ name, tensor }): Promise<[string, number | PlainMatrix]> => [
      name,
      await plain(name, tensor),
    ],
  );
  return Object.fromEntries(await Promise.all(entries));
}

function halves(tf: TensorFlowCore, value: number): Tensor {
  return tf.tensor1d(new Int32Array(Float64Array.of(value).buffer), 'int32');
}

function contentOf({ rows, cols, data }: PlainMatrix): [Float32Array, [number, number]] {
  return [Float32Array.from(data), [rows, cols]];
}

async function plain(name: string, tensor: Tensor): Promise<number | PlainMatrix> {
  const { dtype, shape } = tensor;
  if (dtype === 'int32' && tensor.size === 2) {
    return new Float64Array((await tensor.data<'int32'>()).slice().buffer)[0];
  }
  if (dtype === 'float32' && tensor.rank === 2) {
    const [rows, cols] = shape;
    return { rows, cols, data: (await tensor.data<'float32'>()).slice() };
  }
  throw new TypeError(
    `setWeights: '${name}' is of ${dtype} and shape [${shape.join(', ')}], expected what getWeights gave`,
  );
}
