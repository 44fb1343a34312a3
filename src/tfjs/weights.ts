// The state of an optimiser as the named tensors that TensorFlow.js saves and loads.

import type { Tensor } from '@tensorflow/tfjs';
import type { Description, PlainEntry, PlainState } from '../backend/saved-state.js';
import { checkArray, checkType, isObject } from '../core/check.js';
import type { NamedTensor, TensorFlowCore } from './tensorflow.js';

/** The tensor that says what run the state is of. */
const RUN = 'run';

/** Before the name of an entry. */
const ENTRY = 'state/';

/**
 * One tensor an entry: a matrix as float32; a number as the two int32 halves of its float64, so that it
 * survives bit for bit; indices as a row of int32. The run and its version stand before them, as the
 * characters of JSON. The tensors are the caller's to dispose of.
 */
export function toNamedTensors(tf: TensorFlowCore, state: PlainState): NamedTensor[] {
  const run = JSON.stringify({ version: state.version, run: state.run });
  const characters = Int32Array.from(run, (_, i) => run.charCodeAt(i));
  return [
    { name: RUN, tensor: tf.tensor1d(characters, 'int32') },
    ...Object.entries(state.entries).map(([name, value]) => ({
      name: `${ENTRY}${name}`,
      tensor: toTensor(tf, value),
    })),
  ];
}

/**
 * What {@link toNamedTensors} was given.
 *
 * @throws TypeError for tensors that it cannot have made.
 */
export async function fromNamedTensors(weights: readonly NamedTensor[]): Promise<PlainState> {
  checkNamedTensors('setWeights', 'weights', weights);
  const described = weights.find(({ name }) => name === RUN);
  const rest = weights.filter(({ name }) => name.startsWith(ENTRY));
  if (described === undefined || rest.length !== weights.length - 1) {
    const names = weights.map(({ name }) => name).join(', ');
    throw new TypeError(`setWeights: weights are [${names}], expected what getWeights gave`);
  }
  const characters = Array.from(await described.tensor.data());
  const { version, run } = parse(String.fromCharCode(...characters));
  const entries = rest.map(
    async ({ name, tensor }): Promise<[string, PlainEntry]> => [
      name.slice(ENTRY.length),
      await fromTensor(name, tensor),
    ],
  );
  return { version, run, entries: Object.fromEntries(await Promise.all(entries)) };
}

/** `tensors` must be an array of names and tensors, of whatever copy of TensorFlow.js. */
export function checkNamedTensors(where: string, name: string, tensors: unknown): void {
  checkArray(where, name, tensors);
  const items: unknown[] = Array.from(Object(tensors));
  items.forEach((item, index) => {
    const fits =
      isObject(item) &&
      'name' in item &&
      typeof item.name === 'string' &&
      'tensor' in item &&
      isObject(item.tensor) &&
      'dtype' in item.tensor &&
      'data' in item.tensor &&
      typeof item.tensor.data === 'function';
    checkType(where, `${name}[${index}]`, item, fits, 'an object with a name and a tensor');
  });
}

function parse(json: string): Pick<PlainState, 'version' | 'run'> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw new TypeError("setWeights: 'run' is no JSON, expected what getWeights gave", { cause });
  }
  if (isHeader(parsed)) return parsed;
  throw new TypeError("setWeights: 'run' names no version and run, expected what getWeights gave");
}

function isHeader(
  value: unknown,
): value is { readonly version: number; readonly run: Description } {
  if (!isObject(value) || !('version' in value && 'run' in value)) return false;
  return typeof value.version === 'number' && isObject(value.run);
}

function toTensor(tf: TensorFlowCore, value: PlainEntry): Tensor {
  if (typeof value === 'number') {
    return tf.tensor1d(new Int32Array(Float64Array.of(value).buffer), 'int32');
  }
  if ('rows' in value) {
    return tf.tensor2d(Float32Array.from(value.data), [value.rows, value.cols]);
  }
  return tf.tensor2d(Int32Array.from(value), [1, value.length], 'int32');
}

async function fromTensor(name: string, tensor: Tensor): Promise<PlainEntry> {
  const { dtype, shape, rank, size } = tensor;
  if (dtype === 'int32' && rank === 1 && size === 2) {
    return new Float64Array((await tensor.data<'int32'>()).slice().buffer)[0];
  }
  if (dtype === 'int32' && rank === 2) return (await tensor.data<'int32'>()).slice();
  if (dtype === 'float32' && rank === 2) {
    const [rows, cols] = shape;
    return { rows, cols, data: (await tensor.data<'float32'>()).slice() };
  }
  throw new TypeError(
    `setWeights: '${name}' is of ${dtype} and shape [${shape.join(', ')}], expected what getWeights gave`,
  );
}
