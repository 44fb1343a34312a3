// What the compiler promises to users: this file is compiled, never run.

import type * as tf from '@tensorflow/tfjs';
import type { GPU } from 'gpu.js';
import type { Matrix as MlMatrix } from 'ml-matrix';
import type * as gpu from '../../src/backend/gpujs/index.js';
import * as nysact from '../../src/index.js';
import * as linalg from '../../src/linalg/index.js';
import * as methods from '../../src/methods.js';
import type * as sketch from '../../src/sketch.js';
import type * as tfjs from '../../src/tfjs/index.js';
import type * as transforms from '../../src/transforms.js';

type Expect<T extends true> = T;
type Not<T extends boolean> = T extends true ? false : true;
type Assignable<From, To> = [From] extends [To] ? true : false;
/** Whether two types are one, readonly and optional included. */
type Equal<A, B> =
  (<T>(value: T) => T extends A ? 1 : 2) extends <T>(value: T) => T extends B ? 1 : 2
    ? true
    : false;

type F32 = 'float32';
type F64 = 'float64';

export type TheseHelpersTellTypesApart = [
  Expect<Not<Equal<{ readonly a: 1 }, { a: 1 }>>>,
  Expect<Not<Equal<unknown, never>>>,
  Expect<Not<Assignable<string, never>>>,
  Expect<Assignable<'a', string>>,
];

export const sketches = {
  single: () => nysact.activationSketch({ inputs: 4, rank: 2, dtype: 'float32' }),
  double: () => nysact.activationSketch({ inputs: 4, rank: 2, dtype: 'float64' }),
  unsaid: () => nysact.activationSketch({ inputs: 4, rank: 2 }),
  either: (dtype: nysact.DType) => nysact.activationSketch({ inputs: 4, rank: 2, dtype }),
};

type Factor = ReturnType<sketch.ActivationSketch<F32>['factor']>;

export type DtypeFlowsThroughSketches = [
  Expect<Equal<ReturnType<typeof sketches.single>, sketch.ActivationSketch<F32>>>,
  Expect<Equal<ReturnType<typeof sketches.double>, sketch.ActivationSketch<F64>>>,
  Expect<Equal<ReturnType<typeof sketches.unsaid>, sketch.ActivationSketch<F64>>>,
  Expect<Equal<ReturnType<typeof sketches.either>, sketch.ActivationSketch<nysact.DType>>>,
  Expect<Equal<Factor, sketch.NystromFactor<F32>>>,
  Expect<Equal<ReturnType<Factor['precondition']>, nysact.DenseMatrix<F32>>>,
  // Eigenpairs are in float64, whatever was accumulated in.
  Expect<Equal<Factor['U'], nysact.DenseMatrix<F64>>>,
];

export const matrices = {
  zeros: () => nysact.zeros('float32', 2, 3),
  converted: (A: nysact.DenseMatrix<F64>) => linalg.convert(A, 'float32'),
  taken: () => nysact.asMatrix([[1]], { dtype: 'float32' }),
  factored: (A: nysact.DenseMatrix<F32>) => linalg.cholesky(A),
};

export type DtypeFlowsThroughMatrices = [
  Expect<Equal<ReturnType<typeof matrices.zeros>, nysact.DenseMatrix<F32>>>,
  Expect<Equal<ReturnType<typeof matrices.converted>, nysact.DenseMatrix<F32>>>,
  Expect<Equal<ReturnType<typeof matrices.taken>, nysact.DenseMatrix<F32>>>,
  Expect<Equal<ReturnType<typeof matrices.factored>, nysact.DenseMatrix<F32>>>,
  Expect<Equal<nysact.DenseMatrix<F32>['data'], Float32Array>>,
  Expect<Equal<linalg.TypedArrayOf<nysact.DType>, Float32Array | Float64Array>>,
  Expect<Not<Assignable<nysact.DenseMatrix<F32>, nysact.DenseMatrix<F64>>>>,
  Expect<Assignable<nysact.DenseMatrix<F32>, nysact.DenseMatrix>>,
];

export type MatricesComeInManyForms = [
  Expect<Assignable<MlMatrix, nysact.MatrixInput>>,
  Expect<Assignable<nysact.DenseMatrix<F32>, nysact.MatrixInput>>,
  Expect<Assignable<readonly (readonly number[])[], nysact.MatrixInput>>,
  Expect<Assignable<readonly Float32Array[], nysact.MatrixInput>>,
  Expect<Not<Assignable<readonly number[], nysact.MatrixInput>>>,
  Expect<Not<Assignable<Int32Array, nysact.MatrixInput>>>,
  Expect<Not<Assignable<string[][], nysact.MatrixInput>>>,
];

type Slot32 = ReturnType<nysact.CpuBackend<F32>['allocate']>;
type Backend64 = nysact.CpuBackend<F64>;
type Step64 = Parameters<nysact.Optimizer<F64>['step']>;

export type SlotsKeepToTheirDtype = [
  Expect<Equal<Slot32, nysact.Slot<F32>>>,
  Expect<Equal<ReturnType<nysact.CpuBackend<F32>['wrap']>, nysact.Slot<F32>>>,
  Expect<Not<Assignable<Slot32, Parameters<Backend64['read']>[0]>>>,
  Expect<Not<Assignable<Slot32, Parameters<Backend64['axpby']>[1]>>>,
  Expect<Not<Assignable<Slot32, Parameters<Backend64['syrk']>[1]>>>,
  Expect<Not<Assignable<nysact.DenseMatrix<F32>, Parameters<Backend64['write']>[1]>>>,
  Expect<Not<Assignable<nysact.CpuBackend<F32>, nysact.Backend<F64>>>>,
  Expect<Not<Assignable<Slot32[], Step64[0]>>>,
  Expect<Not<Assignable<Slot32[], Step64[1]>>>,
  Expect<Assignable<readonly nysact.Slot<F64>[], Step64[0]>>,
];

export const backends = {
  host: () => nysact.cpuBackend('float32'),
  made: (primitives: nysact.Primitives<F32, nysact.DenseMatrix<F32>>) =>
    nysact.backendFrom(primitives),
  readAtOnce: (backend: nysact.Backend<F32>, A: nysact.Slot<F32>) => backend.readSync?.(A),
};

export type ReadSyncIsThereOrNot = [
  Expect<Equal<ReturnType<typeof backends.host>, nysact.CpuBackend<F32>>>,
  Expect<Equal<ReturnType<typeof backends.made>, nysact.Backend<F32>>>,
  Expect<Equal<ReturnType<nysact.Backend<F32>['read']>, Promise<nysact.DenseMatrix<F32>>>>,
  Expect<Equal<ReturnType<typeof backends.readAtOnce>, nysact.DenseMatrix<F32> | undefined>>,
  Expect<Equal<ReturnType<nysact.CpuBackend<F32>['readSync']>, nysact.DenseMatrix<F32>>>,
  Expect<Assignable<nysact.CpuBackend<F32>, nysact.Backend<F32>>>,
  Expect<Not<Assignable<nysact.Backend<F32>, nysact.CpuBackend<F32>>>>,
];

export const rows = {
  dense: (backend: nysact.Backend<F64>) => nysact.denseRows(backend, [[1, 2]]),
};

type Observation64 = nysact.Observation<F64>;

export type RowsKeepToTheirBackend = [
  Expect<Equal<ReturnType<typeof rows.dense>, nysact.Rows<F64>>>,
  Expect<Assignable<{ X: nysact.Rows<F64> }, Observation64>>,
  Expect<Not<Assignable<{ D: nysact.Rows<F64> }, Observation64>>>,
  Expect<Not<Assignable<{ X: nysact.Rows<F32> }, Observation64>>>,
];

/** A method whose names the compiler has to know. */
export const halved = methods.curvature({
  gain: 0.5,
  flat: 0.5,
  statistics: [],
  inverse: { R: { rows: 2, cols: 2 } },
  apply: (on, G, { R }, P) => on.gemm(0.5, G, 'N', R, 'N', 0, P),
});

type NysactOptions = methods.NysactOptions;

export type MethodsAreValues = [
  Expect<Equal<ReturnType<typeof methods.nysactMethod>, nysact.Method>>,
  Expect<Equal<typeof halved, methods.Curvature>>,
  Expect<Equal<Parameters<typeof nysact.preconditionedBy>[0], nysact.Method>>,
  Expect<Assignable<{ rank: 3; policy: 'fixed' }, NysactOptions>>,
  Expect<Not<Assignable<{ policy: 'sometimes' }, NysactOptions>>>,
  Expect<Not<Assignable<{ sketch: 'columns' }, NysactOptions>>>,
  Expect<Assignable<{ sketch: methods.SketchSource }, NysactOptions>>,
];

type LearningRate = transforms.SgdOptions['learningRate'];
/** What makes a schedule. */
type Schedules = typeof transforms.constant | typeof transforms.cosine | typeof transforms.warmUp;

export type SchedulesAreFunctionsOfTheStep = [
  Expect<Equal<transforms.Schedule, (step: number) => number>>,
  Expect<Equal<ReturnType<Schedules | typeof transforms.stepDecay>, transforms.Schedule>>,
  Expect<Equal<LearningRate, number | transforms.Schedule | undefined>>,
  Expect<Not<Assignable<() => string, LearningRate>>>,
];

type ByName = typeof nysact.sgd | typeof nysact.adam | typeof nysact.nysact | typeof nysact.kfac;
type TensorFlowByName = typeof tfjs.sgd | typeof tfjs.adam | typeof tfjs.nysact;

export type OptimisersAreTransforms = [
  Expect<Equal<ReturnType<ByName>, transforms.Transform>>,
  Expect<Equal<ReturnType<typeof transforms.chain>, transforms.Transform>>,
  Expect<Assignable<ReturnType<TensorFlowByName>, tf.Optimizer>>,
];

type Entries = nysact.PlainState['entries'];

export type StateIsPlainAndReadonly = [
  Expect<Equal<nysact.PlainState, Readonly<nysact.PlainState>>>,
  Expect<Equal<Entries, Readonly<Record<string, transforms.PlainEntry>>>>,
  Expect<Equal<transforms.PlainMatrix, Readonly<transforms.PlainMatrix>>>,
  Expect<Equal<keyof transforms.PlainMatrix, 'rows' | 'cols' | 'data'>>,
  Expect<Equal<ReturnType<nysact.Optimizer<F32>['exportState']>, Promise<nysact.PlainState>>>,
  Expect<Equal<nysact.Slot, Readonly<nysact.Slot>>>,
];

export type DevicesReadAtOnceOrLater = [
  Expect<Assignable<typeof GPU, gpu.GpuJs>>,
  Expect<Equal<ReturnType<typeof gpu.gpuBackend>, Promise<gpu.GpuBackend>>>,
  Expect<Assignable<gpu.GpuBackend, nysact.Backend<F32>>>,
  Expect<Not<Assignable<gpu.GpuBackend, nysact.Backend<F64>>>>,
  Expect<Equal<gpu.GpuOptions['reading'], 'sync' | 'async' | undefined>>,
  Expect<Equal<gpu.GpuOptions['tile'], number | undefined>>,
];
