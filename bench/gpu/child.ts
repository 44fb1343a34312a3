// What the process of the benchmark does: WebGPU in plain Node, under GPU.js and under TensorFlow.js.

import { kernelInfo } from '../../src/kernels/selection.js';
import { startTensorflow } from '../data/tensorflow.js';
import { provideWebGpu } from './dawn.js';
import { type HostReport, type MeasureOptions, measureModes } from './modes.js';
import { measureSteps, perceptrons } from './steps.js';

async function measure(options: MeasureOptions): Promise<HostReport> {
  await provideWebGpu();
  const reports = await measureModes(['webgpu'], options);
  const tf = await startTensorflow();
  await import('@tensorflow/tfjs-backend-webgpu');
  const plan = { time: options.time, clock: () => performance.now() };
  const steps = await measureSteps(tf, ['wasm', 'webgpu'], perceptrons(options.largest), plan);
  return { cpu: kernelInfo(), host: `Node ${process.version}`, ...reports, steps };
}

const [, , options = ''] = process.argv;
const answer: HostReport | { readonly failure: string } = await measure(JSON.parse(options)).catch(
  (error: unknown) => ({ failure: error instanceof Error ? error.message : String(error) }),
);
process.send?.(answer);
process.disconnect();
