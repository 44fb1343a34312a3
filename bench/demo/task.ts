// What is trained: data, a network, and the optimisers that are compared on it.

import type { LayersModel } from '@tensorflow/tfjs';
import type { Split, SplitSizes } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import type { Contestant } from './contestants.js';

/** A comparison of optimisers: every one starts from the same weights and sees the same batches. */
export interface Task {
  /** The name in the JSON file. */
  readonly name: string;
  readonly title: string;
  readonly dataset: string;
  readonly network: string;
  readonly load: (sizes: SplitSizes) => Split;
  readonly make: (tf: TensorFlow, seed: number) => LayersModel;
  /** The first one is the baseline of step times. */
  readonly contestants: readonly Contestant[];
  /** Where the settings come from, and how the exceptions were found. */
  readonly notes: readonly string[];
}
