// (b) The convolutions of ResNet-20 against our product on patches that are there already.

import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { TensorFlow } from '../data/tensorflow.js';
import { timeInTurn } from '../measure/timing.js';
import { type Quartiles, quartiles } from '../report/statistics.js';

/** A layer of 3×3 kernels with zeros around its images. */
export interface ConvolutionLayer {
  readonly size: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: 1 | 2;
}

/** The layers that ResNet-20 has, each once. */
export const convolutionLayers: readonly ConvolutionLayer[] = [
  { size: 32, inputs: 3, outputs: 16, stride: 1 },
  { size: 32, inputs: 16, outputs: 16, stride: 1 },
  { size: 32, inputs: 16, outputs: 32, stride: 2 },
  { size: 16, inputs: 32, outputs: 32, stride: 1 },
  { size: 16, inputs: 32, outputs: 64, stride: 2 },
  { size: 8, inputs: 64, outputs: 64, stride: 1 },
];

/** One kernel on one layer. */
export interface ConvolutionRow {
  readonly kernel: string;
  readonly layer: string;
  /** Of the fastest sample. */
  readonly milliseconds: number;
  readonly gflops: number;
  /** How many times longer it takes than the product: fastest against fastest, as neither varies by itself. */
  readonly ratio: number;
  /** The same of neighbouring samples. */
  readonly spread: Quartiles;
}

const KERNEL = 3;
const BATCH = 32;
const ROUNDS = 9;

/** A kernel, and the product of as many multiply-adds on ready patches. */
interface Subject {
  readonly kernel: string;
  readonly run: () => void;
  readonly product: () => void;
}

/** Times the three kernels of a layer, each in turn with its product; ours must be registered. */
export function timeConvolutions(
  tf: TensorFlow,
  layer: ConvolutionLayer,
  budget: number,
): ConvolutionRow[] {
  const { size, inputs, outputs, stride } = layer;
  const flops = 2 * BATCH * (size / stride) ** 2 * KERNEL ** 2 * inputs * outputs;
  const { subjects, dispose } = subjectsOf(tf, layer);
  try {
    return subjects.map(({ kernel, run, product }) => {
      const [times, products] = timeInTurn([{ run }, { run: product }], { budget, rounds: ROUNDS });
      const milliseconds = Math.min(...times);
      return {
        kernel,
        layer: describe(layer),
        milliseconds,
        gflops: flops / milliseconds / 1e6,
        ratio: milliseconds / Math.min(...products),
        spread: quartiles(times.map((time, k) => time / products[k])),
      };
    });
  } finally {
    dispose();
  }
}

function describe({ size, inputs, outputs, stride }: ConvolutionLayer): string {
  return `${size}×${size}, ${inputs} → ${outputs}${stride === 1 ? '' : `, stride ${stride}`}`;
}

function subjectsOf(
  tf: TensorFlow,
  { size, inputs, outputs, stride }: ConvolutionLayer,
): { readonly subjects: readonly Subject[]; readonly dispose: () => void } {
  const out = size / stride;
  const positions = BATCH * out ** 2;
  const patch = KERNEL ** 2 * inputs;
  const x = normal4(tf, [BATCH, size, size, inputs]);
  const filter = normal4(tf, [KERNEL, KERNEL, inputs, outputs]);
  const dy = normal4(tf, [BATCH, out, out, outputs]);
  // The patches of x, and of dy for the gradient of x: as many multiply-adds, whatever the stride.
  const patches = normal2(tf, positions, patch);
  const W = normal2(tf, patch, outputs);
  const D = normal2(tf, positions, outputs);
  const dyPatches = normal2(tf, positions, KERNEL ** 2 * outputs);
  const turned = normal2(tf, KERNEL ** 2 * outputs, inputs);
  const attributes = { strides: stride, pad: 'same', dataFormat: 'NHWC' };
  const gradient = (name: string, given: Record<string, Tensor4D>, shape: object): void => {
    tf.engine()
      .runKernel<Tensor4D>(name, given, { ...attributes, ...shape })
      .dispose();
  };
  const subjects = [
    {
      kernel: 'forward',
      run: () => tf.conv2d(x, filter, stride, 'same').dispose(),
      product: () => tf.matMul(patches, W).dispose(),
    },
    {
      kernel: 'filter gradient',
      run: () => gradient('Conv2DBackpropFilter', { x, dy }, { filterShape: filter.shape }),
      product: () => tf.matMul(patches, D, true).dispose(),
    },
    {
      kernel: 'input gradient',
      run: () => gradient('Conv2DBackpropInput', { dy, filter }, { inputShape: x.shape }),
      product: () => tf.matMul(dyPatches, turned).dispose(),
    },
  ];
  return { subjects, dispose: () => tf.dispose([x, filter, dy, patches, W, D, dyPatches, turned]) };
}

function normal2(tf: TensorFlow, rows: number, cols: number): Tensor2D {
  return tf.randomNormal<Tensor2D['rankType']>([rows, cols], 0, 1, 'float32', 1);
}

function normal4(tf: TensorFlow, shape: [number, number, number, number]): Tensor4D {
  return tf.randomNormal<Tensor4D['rankType']>(shape, 0, 1, 'float32', 1);
}
