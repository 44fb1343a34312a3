// What the compiler promises to users: this file is compiled, never run.

import type * as tf from '@tensorflow/tfjs';
import type { GPU } from 'gpu.js';
import type { Matrix as MlMatrix } from 'ml-matrix';
import type * as gpu from '../../src/backend/gpujs/index.js';
import * as nysact from '../../src/index.js';
import * as linalg from '../../src/linalg/index.js';
import type * as tfjs from '../../src/tfjs/index.js';

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

type Factor = ReturnType<nysact.ActivationSketch<F32>['factor']>;

export type DtypeFlowsThroughSketches = [
  Expect<Equal<ReturnType<typeof sketches.single>, nysact.ActivationSketch<F32>>>,
  Expect<Equal<ReturnType<typeof sketches.double>, nysact.ActivationSketch<F64>>>,
  Expect<Equal<ReturnType<typeof sketches.unsaid>, nysact.ActivationSketch<F64>>>,
  Expect<Equal<ReturnType<typeof sketches.either>, nysact.ActivationSketch<nysact.DType>>>,
  Expect<Equal<Factor, nysact.NystromFactor<F32>>>,
  Expect<Equal<ReturnType<Factor['precondition']>, nysact.DenseMatrix<F32>>>,
  // Eigenpairs are in float64, whatever was accumulated in.
  Expect<Equal<Factor['U'], nysact.DenseMatrix<F64>>>,
];

export const matrices = {
  zeros: () => nysact.zeros('float32', 2, 3),
  converted: (A: nysact.DenseMatrix<F64>) => nysact.convert(A, 'float32'),
  taken: () => nysact.asMatrix([[1]], { dtype: 'float32' }),
  factored: (A: nysact.DenseMatrix<F32>) => linalg.cholesky(A),
};

export type DtypeFlowsThroughMatrices = [
  Expect<Equal<ReturnType<typeof matrices.zeros>, nysact.DenseMatrix<F32>>>,
  Expect<Equal<ReturnType<typeof matrices.converted>, nysact.DenseMatrix<F32>>>,
  Expect<Equal<ReturnType<typeof matrices.taken>, nysact.DenseMatrix<F32>>>,
  Expect<Equal<ReturnType<typeof matrices.factored>, nysact.DenseMatrix<F32>>>,
  Expect<Equal<nysact.DenseMatrix<F32>['data'], Float32Array>>,
  Expect<Equal<nysact.TypedArrayOf<nysact.DType>, Float32Array | Float64Array>>,
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

type Slot32 = ReturnType<nysact.CpuEngine<F32>['allocate']>;
type Engine64 = nysact.CpuEngine<F64>;
type Step64 = Parameters<nysact.Optimizer<F64>['step']>;

export type SlotsKeepToTheirDtype = [
  Expect<Equal<Slot32, nysact.Slot<F32>>>,
  Expect<Equal<ReturnType<nysact.CpuEngine<F32>['wrap']>, nysact.Slot<F32>>>,
  Expect<Not<Assignable<Slot32, Parameters<Engine64['read']>[0]>>>,
  Expect<Not<Assignable<Slot32, Parameters<Engine64['axpby']>[1]>>>,
  Expect<Not<Assignable<Slot32, Parameters<Engine64['secondMoment']>[0]>>>,
  Expect<Not<Assignable<nysact.DenseMatrix<F32>, Parameters<Engine64['write']>[1]>>>,
  Expect<Not<Assignable<nysact.CpuEngine<F32>, nysact.Engine<F64>>>>,
  Expect<Not<Assignable<Slot32[], Step64[0]>>>,
  Expect<Not<Assignable<Slot32[], Step64[1]>>>,
  Expect<Assignable<readonly nysact.Slot<F64>[], Step64[0]>>,
];

export const engines = {
  sync: () => nysact.engineFrom(nysact.cpuBackend('float32')),
  async: (backend: nysact.AsyncBackend<F32>) => nysact.engineFrom(backend),
  either: (backend: nysact.Backend<F32>) => nysact.engineFrom(backend),
  readAtOnce: (engine: nysact.Engine<F32>, A: nysact.Slot<F32>) =>
    engine.reading === 'sync' ? engine.read(A) : undefined,
};

type ReadingOf<R extends 'sync' | 'async'> = Extract<nysact.Engine<F32>, { reading: R }>;

export type ReadingTellsEnginesApart = [
  Expect<Equal<ReadingOf<'sync'>, nysact.SyncEngine<F32>>>,
  Expect<Equal<ReadingOf<'async'>, nysact.AsyncEngine<F32>>>,
  Expect<Equal<ReturnType<ReadingOf<'sync'>['read']>, nysact.DenseMatrix<F32>>>,
  Expect<Equal<ReturnType<ReadingOf<'async'>['read']>, Promise<nysact.DenseMatrix<F32>>>>,
  Expect<Not<Assignable<nysact.AsyncEngine<F32>, nysact.SyncEngine<F32>>>>,
  Expect<Equal<ReturnType<typeof engines.sync>, nysact.SyncEngine<F32>>>,
  Expect<Equal<ReturnType<typeof engines.async>, nysact.AsyncEngine<F32>>>,
  Expect<Equal<ReturnType<typeof engines.either>, nysact.Engine<F32>>>,
  Expect<Equal<ReturnType<typeof engines.readAtOnce>, nysact.DenseMatrix<F32> | undefined>>,
];

type VariantOf<V extends 'corrected' | 'reference'> = Extract<
  Required<nysact.NysactOptions>,
  { variant: V }
>;
/** What one variant offers beside the other's. */
type OnlyIn<V extends 'corrected' | 'reference', Other extends 'corrected' | 'reference'> = Exclude<
  keyof VariantOf<V>,
  keyof VariantOf<Other>
>;

export type VariantsHaveTheirOwnOptions = [
  Expect<Equal<OnlyIn<'corrected', 'reference'>, 'policy' | 'shift' | 'oversample' | 'tail'>>,
  Expect<Equal<OnlyIn<'reference', 'corrected'>, never>>,
  Expect<Assignable<{ rank: 3; policy: 'fixed' }, nysact.NysactOptions>>,
  Expect<Not<Assignable<{ policy: 'sometimes' }, nysact.NysactOptions>>>,
  Expect<Not<Assignable<{ variant: 'paper' }, nysact.NysactOptions>>>,
  Expect<Not<Assignable<{ sketch: 'columns' }, nysact.NysactOptions>>>,
];

type LearningRate = nysact.SgdOptions['learningRate'];
/** What makes a schedule. */
type Schedules = typeof nysact.constant | typeof nysact.cosine | typeof nysact.warmUp;

export type SchedulesAreFunctionsOfTheStep = [
  Expect<Equal<nysact.Schedule, (step: number) => number>>,
  Expect<Equal<ReturnType<Schedules | typeof nysact.stepDecay>, nysact.Schedule>>,
  Expect<Equal<LearningRate, number | nysact.Schedule | undefined>>,
  Expect<Not<Assignable<() => string, LearningRate>>>,
];

type Aliases = typeof nysact.sgd | typeof nysact.adam | typeof nysact.nysact | typeof nysact.kfac;
type TensorFlowAliases = typeof tfjs.sgd | typeof tfjs.adam | typeof tfjs.nysact;

export type OptimisersAreTransforms = [
  Expect<Equal<ReturnType<Aliases>, nysact.Transform>>,
  Expect<Equal<ReturnType<typeof nysact.chain>, nysact.Transform>>,
  Expect<Assignable<ReturnType<TensorFlowAliases>, tf.Optimizer>>,
];

export type StateIsPlainAndReadonly = [
  Expect<Equal<nysact.PlainState, { readonly [name: string]: number | nysact.PlainMatrix }>>,
  Expect<Equal<nysact.PlainMatrix, Readonly<nysact.PlainMatrix>>>,
  Expect<Equal<keyof nysact.PlainMatrix, 'rows' | 'cols' | 'data'>>,
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
