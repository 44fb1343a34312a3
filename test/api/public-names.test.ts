// The public names: a change of them must be deliberate.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ENTRANCES, SUBPATHS } from './entrances.js';

test('installing GPU.js for these tests compiles nothing', () => {
  // Its optional dependency gl would, for minutes, wherever X headers are installed.
  const { overrides } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(overrides).toEqual({ gl: 'npm:empty-npm-package@1.0.0' });
});

/** What every entrance exports: what exists at run time, and types. */
const NAMES: Readonly<Record<string, { readonly values: string; readonly types: string }>> = {
  nysact: {
    values: `
      DenseMatrix DivergenceError InaccurateInverseError NonFiniteError NotConvergedError
      NotPositiveDefiniteError Optimizer PreconditionerError activationSketch adahessian adam
      adamw asMatrix backendFrom cpuBackend denseRows ekfac eva foof initKernels kernelInfo kfac
      mfac muon newtonMuon nysact nystromShampoo openPool paperSettings preconditionedBy sgd
      shampoo sketchySgd skfac slotRows soap upload useKernels withSlots zeros`,
    types: `
      Backend BackendInfo CpuBackend DType Diagnostics HessianProduct KernelInfo LayerParameters
      MatrixInput Method Observation Op OptimizerOptions PlainState Pool Primitives Rows
      Slot SlotScope StepOptions`,
  },
  'nysact/methods': {
    values: `
      curvature ekfacMethod evaMethod foofMethod kfacMethod movingAverage nysactMethod
      nystromShampooMethod shampooMethod skfacMethod`,
    types: `
      Average Averages Averaging Batch Curvature Description EkfacLayerOptions EkfacOptions EvaLayerOptions EvaOptions Factorised
      FoofLayerOptions FoofOptions Found Held InversePart InverseParts KfacLayerOptions
      KfacOptions LastWindow LayerShape Made Needs NysactLayerOptions NysactOptions
      NystromShampooLayerOptions NystromShampooOptions Opening Overrides RankFromData
      RefreshContext RelativeDamping Seen ShampooLayerOptions ShampooOptions SketchSource
      Sketching SkfacLayerOptions SkfacOptions Statistic Take`,
  },
  'nysact/transforms': {
    values: `
      Cell addWeightDecay chain clipByGlobalNorm constant cosine descend graft momentum
      orthogonalize partition precondition refuseOverflow scaleBy scaleByAdahessian scaleByAdam
      scaleByMfac scaleBySketchedHessian scaleBySoap stateless stepDecay warmUp
      writable`,
    types: `
      AdahessianOptions AdamOptions AdamwOptions CadenceOptions Description EkfacOptimizerOptions
      EvaOptimizerOptions FoofOptimizerOptions Group IndexState KfacOptimizerOptions KlClip
      LayerNeeds LayeredOptions MatrixState MfacOptions MuonOptions NewtonMuonOptions
      NysactOptimizerOptions NystromShampooOptimizerOptions OrthogonalizeOptions Parameter
      ParameterFilter ParameterShape Pending PlainEntry PlainMatrix PreconditionOptions
      PreconditionedOptions PresetOptions RestoreGuard RestoreOptions ScaleByAdahessianOptions
      ScaleByAdamOptions ScaleByMfacOptions ScaleBySoapOptions Schedule SgdOptions
      ShampooOptimizerOptions Sized SketchedHessianOptions SketchySgdOptions SkfacOptimizerOptions
      SoapOptions Stage StateEntry
      StatePart Step StepNeeds Transform TransformContext WeightDecayOptions`,
  },
  'nysact/rows': {
    values: `
      convolutionOutput extractPatches flattenSequences imageRows joinedRows oneHotRows
      outputGradientRows patchRows`,
    types: `
      ConvolutionGeometry ConvolutionOutput DenseRowsOptions ImageRowsOptions ImageShape JoinedRowsOptions
      OneHotRowsOptions Padding PatchRowsOptions PerAxis SequenceShape SlotRowsOptions`,
  },
  'nysact/sketch': {
    values: `
      DISTRIBUTIONS applyLowRankInverse carriedSketch denseSketch diagonalColumns drawSketch effectiveDimension
      errorEstimate lowRankInverse nystromEigenpairs rankWithin residualOf trackingSketch warningsOf`,
    types: `
      ActivationSketch ActivationSketchOptions AdvanceOptions Distribution Eigenpairs FusedSketch
      InverseOptions LowRankInverse NystromFactor NystromOptions PreconditionOptions Sketch SketchKind
      SketchOf SketchShape Warning`,
  },
  'nysact/linalg': {
    values: `
      EPSILON Workspace axpby cholesky choleskyInPlace convert dot eigh eigvalsh
      frobeniusNorm gemm identity scale solveCholesky spdInverse syrk thinQr transpose trsm`,
    types: `
      AsMatrixOptions Eigh EighOptions KernelChoice KernelOptions PoolOptions Side ThinQr
      TypedArrayOf`,
  },
  'nysact/random': {
    values: `
      fillNormal fillUniform foldIn permutation randomKey sampleWithoutReplacement`,
    types: `
      RandomKey`,
  },
  'nysact/ml-matrix': {
    values: `
      fromMlMatrix toMlMatrix`,
    types: `
      MlMatrixLike`,
  },
  'nysact/published': {
    values: `
      publishedEigenpairs publishedEva publishedEvaMethod publishedFoof publishedFoofMethod
      publishedKfac publishedKfacMethod publishedNysact publishedNysactMethod`,
    types: `
      PublishedEvaOptimizerOptions PublishedEvaOptions PublishedFoofOptimizerOptions
      PublishedFoofOptions PublishedKfacOptimizerOptions PublishedKfacOptions
      PublishedNysactOptimizerOptions PublishedNysactOptions`,
  },
  'nysact/tfjs': {
    values: `
      adahessian adam adamw ekfac eva foof kfac makeOptimizer mfac muon newtonMuon nysact
      nystromShampoo positionRows registerKind registerOptimizer registerOptimizers sgd shampoo
      sketchySgd skfac soap tfjsBackend`,
    types: `
      Layer LayerBlock LayerKind Layout MakeOptimizerOptions Mask OptimizerDefinition RowsHost
      TapConvolutionOptions TappedLayer Taps TensorFlow
      TensorFlowCore TfjsBackend TfjsBackendOptions TfjsOptimizer VariableReport
      WeightLayout`,
  },
  'nysact/tfjs-wasm': {
    values: `
      registerKernels`,
    types: `
      RegisteredKernels TensorFlowKernels`,
  },
  'nysact/gpu': {
    values: `
      GpuContextLostError GpuDisposedError GpuFallbackError GpuPrecisionError
      GpuUnavailableError gpuBackend`,
    types: `
      DeviceMemory GpuBackend GpuInstance GpuJs GpuJsMode GpuKernel GpuKernelSettings
      GpuMode GpuOptions`,
  },
};

/** Names in the order of the alphabet. */
function listed(names: string): string[] {
  return names.split(/\s+/).filter((name) => name !== '');
}

/** The types that a file exports by name. */
function typesOf(file: string): string[] {
  const lists = readFileSync(file, 'utf8').matchAll(/^export (type )?\{([^}]*)\}/gm);
  const names = [...lists].flatMap(([, allTypes, list]) =>
    list
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '' && (allTypes !== undefined || item.startsWith('type ')))
      .map((item) => item.replace(/^type /, '').replace(/^\w+ as /, '')),
  );
  return names.toSorted();
}

describe('the public names', () => {
  test('every entrance has a list', () => {
    expect(Object.keys(NAMES)).toEqual(Object.keys(ENTRANCES));
  });

  test.each(Object.entries(NAMES))('of %s', async (entrance, { values, types }) => {
    const file = ENTRANCES[entrance];
    const exported: object = await import(/* @vite-ignore */ file);
    expect(Object.keys(exported).toSorted()).toEqual(listed(values));
    expect(typesOf(file)).toEqual(listed(types));
  });

  test('no value has two entrances, but for the optimisers of the two hosts', () => {
    const owners = Object.entries(NAMES).filter(([entrance]) => entrance !== 'nysact/tfjs');
    const values = owners.flatMap(([, names]) => listed(names.values));
    expect(values.length).toBeGreaterThan(0);
    expect(values.filter((name, index) => values.indexOf(name) !== index)).toEqual([]);
  });

  test('those of the package are these: its entries are the files of the entrances', () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
    const entries = Object.entries(SUBPATHS).map(([subpath, file]) => [
      subpath,
      { types: `./dist/${file}.d.ts`, default: `./dist/${file}.js` },
    ]);
    expect(exports).toEqual({
      ...Object.fromEntries(entries),
      // A script that runs and exports nothing.
      './worker': {
        types: './dist/kernels/pool/worker.d.ts',
        default: './dist/kernels/pool/worker.js',
      },
      './package.json': './package.json',
    });
  });
});
