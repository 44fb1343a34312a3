// Feeds a recorded run to our optimisers, step by step, and reports how far they are from it.

import { cpuEngine } from '../../src/backend/cpu.js';
import type { Engine } from '../../src/backend/engine.js';
import { upload } from '../../src/backend/engine.js';
import type { Slot } from '../../src/backend/slot.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { activations } from '../../src/covariance/activations.js';
import type { ImageShape } from '../../src/covariance/convolution.js';
import { extractPatches, outputGradientRows } from '../../src/covariance/patches.js';
import { frobeniusNorm } from '../../src/kernels/level1.js';
import { eva, foof, kfac, nysact, type PreconditionedOptions } from '../../src/optimize/aliases.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { chain, stateless, type Transform } from '../../src/optimize/transform.js';
import {
  addWeightDecay,
  trace as momentumTrace,
  precondition,
  scaleByLearningRate,
} from '../../src/optimize/transforms.js';
import { type EvaOptions, evaPreconditioner } from '../../src/precondition/eva.js';
import { foofPreconditioner } from '../../src/precondition/foof.js';
import { kfacPreconditioner } from '../../src/precondition/kfac.js';
import { type NysactOptions, nysactPreconditioner } from '../../src/precondition/nysact.js';
import type { Observation, Preconditioner } from '../../src/precondition/preconditioner.js';
import { drawnSketch } from './sketches.js';
import {
  type LayerRecord,
  matrix64,
  type Recorded,
  type StepRecord,
  type Trace,
} from './vectors.js';

/** How a trace is replayed. */
export interface Conditions {
  readonly dtype: DType;
  /** Round everything that was recorded to float32 first. */
  readonly rounded?: boolean;
  /** ν in place of the level of rounding, where the trace has that. */
  readonly shift?: number;
}

/** The largest error of one replay, relative to the largest entry of the recorded array. */
export interface ReplayErrors {
  readonly preconditioned: number;
  readonly params: number;
  /** Of the parameters, when the optimiser is made by its name instead of link by link. */
  readonly byName: number;
  /** Arrays that were compared. */
  readonly compared: number;
}

export function replay(trace: Trace, conditions: Conditions): ReplayErrors {
  const { layers, params0, steps } = trace;
  const engine: Engine = cpuEngine(conditions.dtype);
  const names = Object.keys(params0);
  const outputs = names.map((name) => params0[name].shape[0]);
  const place = (A: DenseMatrix): Slot =>
    upload(engine, convert(conditions.rounded ? convert(A, 'float32') : A, engine.dtype));
  // Weights are q×(everything else), biases q×1.
  const put = (data: readonly number[], i: number): Slot => place(matrix64(data, outputs[i]));
  const shapes = names.map((name, i) => ({
    rows: outputs[i],
    cols: params0[name].data.length / outputs[i],
  }));
  const layerParameters = layers.map(({ bias }, i) => {
    const weight = names.indexOf(`${i}.weight`);
    return bias ? { weight, bias: names.indexOf(`${i}.bias`) } : { weight };
  });
  let preconditioned: DenseMatrix[] = [];
  const tap: Transform = stateless((_, updates) => {
    preconditioned = updates.map((slot) => read(engine, slot));
  });
  const run = (transform: Transform) => ({
    parameters: names.map((name, i) => put(params0[name].data, i)),
    optimizer: new Optimizer({ engine, transform, parameters: shapes, layers: layerParameters }),
  });
  const linked = run(linkByLink(trace, conditions, tap));
  const named = run(byName(trace, conditions));

  const errors = { preconditioned: 0, params: 0, byName: 0, compared: 0 };
  for (const step of steps) {
    const observations = layers.map((layer, i) => observation(place, layer, step, i));
    for (const { optimizer, parameters } of [linked, named]) {
      const gradients = names.map((name, i) => put(step.grads[name], i));
      optimizer.step(gradients, parameters, observations);
    }
    names.forEach((name, i) => {
      const P = relativeError(preconditioned[i], step.preconditioned[name]);
      const theta = ({ parameters }: typeof named): number =>
        relativeError(read(engine, parameters[i]), step.params[name]);
      // Math.max keeps NaN, so a NaN anywhere fails the comparison at the end.
      errors.preconditioned = Math.max(errors.preconditioned, P);
      errors.params = Math.max(errors.params, theta(linked));
      errors.byName = Math.max(errors.byName, theta(named));
      errors.compared += 3;
    });
  }
  return errors;
}

/** ν of rounding size in float32, √p·eps·‖C‖F, with tr A for ‖C‖F; the largest of all layers. */
export function float32Shift({ layers, steps }: Trace): number {
  const shifts = layers.map((layer, i) => {
    const X = rowsOf(layer, steps[0].inputs[i]);
    return (Math.sqrt(X.cols + 1) * EPSILON.float32 * frobeniusNorm(X) ** 2) / X.rows;
  });
  return Math.max(...shifts);
}

const learningRate =
  ({ meta }: Trace) =>
  (k: number): number =>
    meta.lrs?.[k] ?? meta.lr;

/** The optimiser as a chain of its links, the preconditioned gradients shown to `tap`. */
function linkByLink(trace: Trace, conditions: Conditions, tap: Transform): Transform {
  const { meta } = trace;
  const { klClip, clipLr } = meta;
  const eta = learningRate(trace);
  const clip =
    klClip == null
      ? {}
      : { klClip: { limit: klClip, learningRate: (k: number) => clipLr ?? eta(k) } };
  return chain(
    precondition(methodOf(trace, conditions).preconditioner, {
      observeEvery: meta.tauCov,
      refreshEvery: meta.tauInv ?? 1,
      ...clip,
    }),
    tap,
    addWeightDecay(meta.weightDecay, {
      from: meta.variant === 'paper-code' && meta.optimizer === 'kfac' ? 20 * meta.tauCov : 0,
    }),
    momentumTrace({ momentum: meta.momentum }),
    scaleByLearningRate(eta),
  );
}

/** The optimiser by its name, as users make it. */
function byName(trace: Trace, conditions: Conditions): Transform {
  const { meta } = trace;
  const shared = {
    learningRate: learningRate(trace),
    momentum: meta.momentum,
    weightDecay: meta.weightDecay,
    observeEvery: meta.tauCov,
    refreshEvery: meta.tauInv ?? 1,
    klClip: meta.klClip ?? 'none',
    ...(meta.clipLr == null ? {} : { clipLearningRate: meta.clipLr }),
  } as const;
  return methodOf(trace, conditions).named(shared);
}

/** A preconditioner, and the optimiser that is made from the same options by its name. */
interface Method {
  readonly preconditioner: Preconditioner;
  named(shared: PreconditionedOptions): Transform;
}

function methodOf({ meta, layers, steps }: Trace, conditions: Conditions): Method {
  const variant = meta.variant === 'paper-code' ? 'reference' : 'corrected';
  const options = { damping: meta.damping, decay: meta.beta2, variant } as const;
  switch (meta.optimizer) {
    case 'foof':
      return {
        preconditioner: foofPreconditioner(options),
        named: (shared) => foof({ ...shared, ...options }),
      };
    case 'kfac':
      return {
        preconditioner: kfacPreconditioner(options),
        named: (shared) => kfac({ ...shared, ...options }),
      };
    case 'eva': {
      const all: EvaOptions =
        variant === 'reference'
          ? { ...options, variant, examples: meta.rows ?? 16 }
          : { ...options, variant };
      return {
        preconditioner: evaPreconditioner(all),
        named: (shared) => eva({ ...shared, ...all }),
      };
    }
    case 'nysact': {
      const sketch = drawnSketch(layers.length, steps);
      const common = { ...options, rank: meta.rank ?? 0, sketch };
      const policy = meta.policy ?? 'restart';
      const shift = meta.shift === 'damping' ? 'damping' : (conditions.shift ?? 'tiny');
      const all: NysactOptions =
        variant === 'reference' ? { ...common, variant } : { ...common, variant, policy, shift };
      return {
        preconditioner: nysactPreconditioner(all),
        named: (shared) => nysact({ ...shared, ...all }),
      };
    }
    default:
      throw new RangeError(`the trace is of '${String(meta.optimizer)}', which is not known here`);
  }
}

/** The recorded input of layer i as rows, patches taken and bias column appended. */
function observation(
  place: (A: DenseMatrix) => Slot,
  layer: LayerRecord,
  { inputs, gradOutputs }: StepRecord,
  i: number,
): Observation<DType> {
  const { X, rows, rootWeights } = activations(rowsOf(layer, inputs[i]), {
    dtype: 'float64',
    bias: layer.bias,
  });
  const examples = inputs[i].shape[0];
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
