// Feeds a recorded run to our optimisers, step by step, and reports how far they are from it.

import { cpuEngine } from '../../src/backend/cpu.js';
import type { Engine } from '../../src/backend/engine.js';
import { upload } from '../../src/backend/engine.js';
import type { Slot } from '../../src/backend/slot.js';
import type { DType } from '../../src/core/dtype.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { activations } from '../../src/covariance/activations.js';
import type { ImageShape } from '../../src/covariance/convolution.js';
import { extractPatches, outputGradientRows } from '../../src/covariance/patches.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { chain, stateless, type Transform } from '../../src/optimize/transform.js';
import {
  addWeightDecay,
  trace as momentumTrace,
  precondition,
  scaleByLearningRate,
} from '../../src/optimize/transforms.js';
import { evaPreconditioner } from '../../src/precondition/eva.js';
import { foofPreconditioner } from '../../src/precondition/foof.js';
import { kfacPreconditioner } from '../../src/precondition/kfac.js';
import { nysactPreconditioner } from '../../src/precondition/nysact.js';
import type { Observation, Preconditioner } from '../../src/precondition/preconditioner.js';
import { drawnSketch } from './sketches.js';
import {
  type LayerRecord,
  matrix64,
  type Recorded,
  type StepRecord,
  type Trace,
} from './vectors.js';

/** The largest error of one replay, relative to the largest entry of the recorded array. */
export interface ReplayErrors {
  readonly preconditioned: number;
  readonly params: number;
  /** Arrays that were compared. */
  readonly compared: number;
}

export function replay(trace: Trace, dtype: DType): ReplayErrors {
  const { meta, layers, params0, steps } = trace;
  const engine: Engine = cpuEngine(dtype);
  const names = Object.keys(params0);
  const outputs = names.map((name) => params0[name].shape[0]);
  // Weights are q×(everything else), biases q×1.
  const put = (data: readonly number[], i: number): Slot =>
    upload(engine, convert(matrix64(data, outputs[i]), dtype));
  const parameters = names.map((name, i) => put(params0[name].data, i));
  const layerParameters = layers.map(({ bias }, i) => {
    const weight = names.indexOf(`${i}.weight`);
    return bias ? { weight, bias: names.indexOf(`${i}.bias`) } : { weight };
  });

  const learningRate = (k: number): number => meta.lrs?.[k] ?? meta.lr;
  const clipRate = (k: number): number => meta.clipLr ?? learningRate(k);
  const reference = meta.variant === 'paper-code';
  let preconditioned: DenseMatrix[] = [];
  const tap: Transform = stateless((_, updates) => {
    preconditioned = updates.map((slot) => read(engine, slot));
  });
  const transform = chain(
    precondition(preconditioner(trace), {
      observeEvery: meta.tauCov,
      refreshEvery: meta.tauInv ?? 1,
      ...(meta.klClip === undefined
        ? {}
        : { klClip: { limit: meta.klClip, learningRate: clipRate } }),
    }),
    tap,
    addWeightDecay(meta.weightDecay, {
      from: reference && meta.optimizer === 'kfac' ? 20 * meta.tauCov : 0,
    }),
    momentumTrace({ momentum: meta.momentum }),
    scaleByLearningRate(learningRate),
  );
  const optimizer = new Optimizer({ engine, transform, parameters, layers: layerParameters });

  const errors = { preconditioned: 0, params: 0, compared: 0 };
  for (const step of steps) {
    const gradients = names.map((name, i) => put(step.grads[name], i));
    const observations = layers.map((layer, i) => observation(engine, layer, step, i));
    optimizer.step(gradients, parameters, observations);
    names.forEach((name, i) => {
      const P = relativeError(preconditioned[i], step.preconditioned[name]);
      const theta = relativeError(read(engine, parameters[i]), step.params[name]);
      // Math.max keeps NaN, so a NaN anywhere fails the comparison at the end.
      errors.preconditioned = Math.max(errors.preconditioned, P);
      errors.params = Math.max(errors.params, theta);
      errors.compared += 2;
    });
  }
  return errors;
}

function preconditioner({ meta, layers, steps }: Trace): Preconditioner {
  const variant = meta.variant === 'paper-code' ? 'reference' : 'corrected';
  const shared = { damping: meta.damping, decay: meta.beta2 };
  switch (meta.optimizer) {
    case 'foof':
      return foofPreconditioner({ ...shared, variant });
    case 'kfac':
      return kfacPreconditioner({ ...shared, variant });
    case 'eva':
      return variant === 'reference'
        ? evaPreconditioner({ ...shared, variant, examples: meta.rows ?? 16 })
        : evaPreconditioner(shared);
    case 'nysact': {
      const sketch = drawnSketch(layers.length, steps);
      const common = { ...shared, rank: meta.rank ?? 0, sketch };
      if (variant === 'reference') return nysactPreconditioner({ ...common, variant });
      const { policy = 'restart', shift = 'tiny' } = meta;
      return nysactPreconditioner({ ...common, policy, shift });
    }
    default:
      throw new RangeError(`the trace is of '${String(meta.optimizer)}', which is not known here`);
  }
}

/** The recorded input of layer i as rows, patches taken and bias column appended. */
function observation(
  engine: Engine,
  layer: LayerRecord,
  { inputs, gradOutputs }: StepRecord,
  i: number,
): Observation<DType> {
  const { X, rows, rootWeights } = activations(rowsOf(layer, inputs[i]), {
    dtype: 'float64',
    bias: layer.bias,
  });
  const examples = inputs[i].shape[0];
  const place = (A: DenseMatrix): Slot => upload(engine, convert(A, engine.dtype));
  const observed = { X: place(X), rootWeights: place(rootWeights), rows, examples };
  if (gradOutputs === undefined) return observed;
  return { ...observed, D: place(gradientRows(layer, gradOutputs[i])) };
}

/** One row for each example, and for each position of a sequence or an image. */
function rowsOf(layer: LayerRecord, recorded: Recorded): DenseMatrix<'float64'> {
  if (layer.kind === 'linear') return lastAxisAsColumns(recorded);
  const { kernel = [1, 1], stride = [1, 1], padding = [0, 0], dilation = [1, 1] } = layer;
  const geometry = { ...imageOf(recorded), kernel, stride, padding, dilation };
  return extractPatches<'float64'>(Float64Array.from(recorded.data), geometry)[0];
}

function gradientRows(layer: LayerRecord, recorded: Recorded): DenseMatrix<'float64'> {
  if (layer.kind === 'linear') return lastAxisAsColumns(recorded);
  return outputGradientRows<'float64'>(Float64Array.from(recorded.data), imageOf(recorded))[0];
}

function lastAxisAsColumns({ shape, data }: Recorded): DenseMatrix<'float64'> {
  return matrix64(data, data.length / shape[shape.length - 1]);
}

function imageOf({ shape }: Recorded): ImageShape {
  const [batch, channels, height, width] = shape;
  return { batch, channels, height, width, layout: 'channelsFirst' };
}

function read(engine: Engine, slot: Slot): DenseMatrix {
  if (engine.reading === 'async')
    throw new TypeError('the replay wants an engine that reads at once');
  return engine.read(slot);
}

function relativeError(ours: DenseMatrix, data: readonly number[]): number {
  const largest = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const worst = data.reduce((most, x, i) => Math.max(most, Math.abs(x - ours.data[i])), 0);
  return largest === 0 ? worst : worst / largest;
}
