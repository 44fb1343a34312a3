// Whether TensorFlow.js computes in float32, measured before it is trusted.
//
// Of WebGL, `floatPrecision()` says 16 of textures of float32, and 32 of half floats: the flag that it
// looks at is taken for its opposite, and the number that it tries stays on the host (version 4.22).

import { errorOf, LARGEST_ERROR, makeTrial } from '../backend/accuracy.js';
import type { Backend } from '../backend/backend.js';
import { withSlots } from '../backend/scope.js';
import { DenseMatrix } from '../core/matrix.js';
import type { TensorFlowCore } from './tensorflow.js';

type F32 = 'float32';

type Readable = Backend<F32> & Required<Pick<Backend<F32>, 'readSync'>>;

/** What devices have shown: each is measured once. */
const errors = new WeakMap<object, number>();

/**
 * Throws unless the current backend of TensorFlow.js computes in float32.
 *
 * A device that cannot be read at once is believed: to measure it would be to wait for it.
 *
 * @param backend Ours on it.
 * @throws TypeError where it computes in less.
 */
export function checkPrecision(tf: TensorFlowCore, variant: string, backend: Backend<F32>): void {
  const device = tf.backend();
  if (!isReadable(backend)) {
    if (device.floatPrecision() === 16) refuse(variant, 'float16', 'float32');
    return;
  }
  const error = errors.get(device) ?? measured(backend);
  errors.set(device, error);
  if (error <= LARGEST_ERROR) return;
  const [shown, largest] = [error, LARGEST_ERROR].map((one) => one.toPrecision(2));
  refuse(variant, `half floats, with relative errors of ${shown}`, `float32, at most ${largest}`);
}

function isReadable(backend: Backend<F32>): backend is Readable {
  return backend.readSync !== undefined;
}

function refuse(variant: string, precision: string, expected: string): never {
  throw new TypeError(
    `tfjsBackend: tf computes in ${precision} on its ${variant} backend, expected ${expected}: choose another with tf.setBackend('wasm') or 'cpu', or a device with textures of float32 (and leave WEBGL_FORCE_F16_TEXTURES unset)`,
  );
}

/** The largest relative error of what is uploaded, multiplied and divided. */
function measured(backend: Readable): number {
  const trial = makeTrial();
  const { rows, terms, cols, shift } = trial;
  return withSlots(backend, (scope) => {
    const A = scope.upload(new DenseMatrix('float32', rows, terms, trial.a));
    const B = scope.upload(new DenseMatrix('float32', terms, cols, trial.b));
    const squared = scope.upload(new DenseMatrix('float32', rows, terms, trial.squares));
    const [product, quotient] = [scope.allocate(rows, cols), scope.allocate(rows, terms)];
    backend.gemm(1, A, 'N', B, 'N', 0, product);
    backend.divideByRoot(1, A, 1, squared, shift, quotient);
    // A comes last: it has been to the device and back then.
    const [sums, quotients, kept] = [product, quotient, A].map((C) => backend.readSync(C).data);
    return errorOf(trial, { kept, sums, quotients });
  });
}
