// Feeds a recorded run to our optimisers, step by step, and reports how far they are from it.

import { type Backend, type Slot, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { frobeniusNorm } from '../../src/kernels/level1.js';
import { descend } from '../../src/optimize/descend.js';
import { momentum } from '../../src/optimize/momentum.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { eva, foof, kfac, nysact } from '../../src/optimize/optimizers.js';
import { precondition } from '../../src/optimize/precondition.js';
import type { PreconditionedOptions } from '../../src/optimize/preconditioned.js';
import { chain, stateless, type Transform } from '../../src/optimize/transform.js';
import { addWeightDecay } from '../../src/optimize/weight-decay.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { Method as PreconditionMethod } from '../../src/precondition/method.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import type { Observation } from '../../src/precondition/observation.js';
import { publishedEvaMethod } from '../../src/published/eva.js';
import { publishedFoofMethod } from '../../src/published/foof.js';
import { publishedKfacMethod } from '../../src/published/kfac.js';
import { publishedNysactMethod } from '../../src/published/nysact.js';
import {
  publishedEva,
  publishedFoof,
  publishedKfac,
  publishedNysact,
} from '../../src/published/optimizers.js';
import type { ImageShape } from '../../src/rows/convolution.js';
import { denseRows } from '../../src/rows/dense.js';
import { extractPatches, outputGradientRows } from '../../src/rows/images.js';
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
  const backend = cpuBackend<DType>(conditions.dtype);
  const names = Object.keys(params0);
  const outputs = names.map((name) => params0[name].shape[0]);
  const given = (A: DenseMatrix): DenseMatrix =>
    convert(conditions.rounded ? convert(A, 'float32') : A, backend.dtype);
  // Weights are q×(everything else), biases q×1.
  const put = (data: readonly number[], i: number): Slot =>
    upload(backend, given(matrix64(data, outputs[i])));
  const shapes = names.map((name, i) => ({
    rows: outputs[i],
    cols: params0[name].data.length / outputs[i],
  }));
  const layerParameters = layers.map(({ bias }, i) => {
    const weight = names.indexOf(`${i}.weight`);
    return bias ? { weight, bias: names.indexOf(`${i}.bias`) } : { weight };
  });
  let preconditioned: DenseMatrix[] = [];
  const tap: Transform = stateless({}, (_, updates) => {
    preconditioned = updates.map((slot) => backend.readSync(slot));
    return updates;
  });
  const run = (transform: Transform) => ({
    parameters: names.map((name, i) => put(params0[name].data, i)),
    optimizer: new Optimizer({ backend, transform, parameters: shapes, layers: layerParameters }),
  });
  const linked = run(linkByLink(trace, conditions, tap));
  const named = run(byName(trace, conditions));

  const errors = { preconditioned: 0, params: 0, byName: 0, compared: 0 };
  for (const step of steps) {
    const observations = layers.map((layer, i) => observation(backend, given, layer, step, i));
    for (const { optimizer, parameters } of [linked, named]) {
      const gradients = names.map((name, i) => put(step.grads[name], i));
      optimizer.step(gradients, parameters, observations);
    }
    names.forEach((name, i) => {
      const P = relativeError(preconditioned[i], step.preconditioned[name]);
      const theta = ({ parameters }: typeof named): number =>
        relativeError(backend.readSync(parameters[i]), step.params[name]);
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
  const lateDecay = meta.variant === 'paper-code' && meta.optimizer === 'kfac';
  const decay = addWeightDecay(meta.weightDecay);
  return chain(
    precondition(methodOf(trace, conditions).method, {
      observeEvery: meta.tauCov,
      refreshEvery: meta.tauInv ?? 1,
      klClip: klClip == null ? undefined : { limit: klClip, learningRate: clipLr ?? undefined },
    }),
    tap,
    lateDecay ? startingAt(20 * meta.tauCov, decay) : decay,
    momentum(meta.momentum),
    descend(learningRate(trace)),
  );
}

/** The transform, from step `start` on. */
function startingAt(start: number, transform: Transform): Transform {
  return {
    description: {},
    init(context) {
      const stage = transform.init(context);
      return {
        state: stage.state,
        update: (updates, step) => (step.index < start ? updates : stage.update(updates, step)),
      };
    },
  };
}

/** The optimiser by its name, as users make it. */
function byName(trace: Trace, conditions: Conditions): Transform {
  const { meta } = trace;
  return methodOf(trace, conditions).named({
    learningRate: learningRate(trace),
    momentum: meta.momentum,
    weightDecay: meta.weightDecay,
    observeEvery: meta.tauCov,
    refreshEvery: meta.tauInv ?? 1,
    klClip: meta.klClip ?? 'none',
  });
}

/** A method, and the optimiser that is made from the same options by its name. */
interface Method {
  readonly method: PreconditionMethod;
  named(shared: PreconditionedOptions): Transform;
}

function methodOf({ meta, layers, steps }: Trace, conditions: Conditions): Method {
  const published = meta.variant === 'paper-code';
  const options = { damping: meta.damping, decay: meta.beta2 };
  switch (meta.optimizer) {
    case 'foof':
      return published
        ? {
            method: publishedFoofMethod(options),
            named: (shared) => publishedFoof({ ...shared, ...options }),
          }
        : { method: foofMethod(options), named: (shared) => foof({ ...shared, ...options }) };
    case 'kfac':
      return published
        ? {
            method: publishedKfacMethod(options),
            named: (shared) => publishedKfac({ ...shared, ...options }),
          }
        : { method: kfacMethod(options), named: (shared) => kfac({ ...shared, ...options }) };
    case 'eva': {
      const examples = { ...options, examples: meta.rows ?? 16 };
      return published
        ? {
            method: publishedEvaMethod(examples),
            named: (shared) => publishedEva({ ...shared, ...examples }),
          }
        : { method: evaMethod(options), named: (shared) => eva({ ...shared, ...options }) };
    }
    case 'nysact': {
      const sketch = drawnSketch(layers.length, steps);
      const common = { ...options, rank: meta.rank ?? 0, sketch };
      const shift = meta.shift === 'damping' ? 'damping' : (conditions.shift ?? 'tiny');
      const corrected = { ...common, policy: meta.policy ?? 'restart', shift } as const;
      return published
        ? {
            method: publishedNysactMethod(common),
            named: (shared) => publishedNysact({ ...shared, ...common }),
          }
        : {
            method: nysactMethod(corrected),
            named: (shared) => nysact({ ...shared, ...corrected }),
          };
    }
    default:
      throw new RangeError(`the trace is of '${String(meta.optimizer)}', which is not known here`);
  }
}

/** The recorded input of layer i as rows, patches taken and bias column appended. */
function observation(
  backend: Backend,
  given: (A: DenseMatrix) => DenseMatrix,
  layer: LayerRecord,
  { inputs, gradOutputs }: StepRecord,
  i: number,
): Observation {
  const X = denseRows(backend, given(rowsOf(layer, inputs[i])), { bias: layer.bias });
  const examples = inputs[i].shape[0];
  if (gradOutputs === undefined) return { X, examples };
  return { X, D: denseRows(backend, given(gradientRows(layer, gradOutputs[i]))), examples };
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

function relativeError(ours: DenseMatrix, data: readonly number[]): number {
  const largest = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const worst = data.reduce((most, x, i) => Math.max(most, Math.abs(x - ours.data[i])), 0);
  return largest === 0 ? worst : worst / largest;
}
