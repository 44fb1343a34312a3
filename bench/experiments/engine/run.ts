// One run: trains, validates on the way, tests at the end; goes on from where it was cut off.

import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import type { PlainState } from '../../../src/backend/saved-state.js';
import { DivergenceError, PreconditionerError } from '../../../src/core/errors.js';
import { foldIn, randomKey } from '../../../src/core/random.js';
import { cosine } from '../../../src/optimize/schedules.js';
import type { TfjsOptimizer } from '../../../src/tfjs/index.js';
import type { ImageSplit, Images } from '../../data/images.js';
import type { TensorFlow } from '../../data/tensorflow.js';
import { crossEntropy, type Evaluation, evaluateBatches, type Labelled } from '../../demo/model.js';
import { networkOf } from '../models/index.js';
import { isSketched, optimizers } from '../optimizers.js';
import type { Checkpoint } from './checkpoint.js';
import type { Configuration } from './configuration.js';
import { allBatches, type Batches, normalisationOf, trainingBatches } from './loader.js';
import type { CurvePoint, Findings, Outcome } from './outcome.js';

/** All that an unfinished run is made of. */
export interface RunState {
  /** Trained weights and the statistics of batch norm. */
  readonly weights: readonly Float32Array[];
  readonly optimizer: PlainState;
  readonly record: RunRecord;
}

/** What is known so far. */
interface RunRecord {
  step: number;
  /** The sum of the losses since the last point of the curve. */
  loss: number;
  readonly curve: CurvePoint[];
  /** Processor seconds of training, in all and at each point of the curve. */
  spent: number;
  readonly seconds: number[];
  tensorBytes: number;
}

/** How a run is followed and kept. */
export interface Keeping {
  readonly checkpoint: Checkpoint<RunState>;
  /** Whether the state is to be kept after so many steps. */
  readonly isDue: (step: number) => boolean;
  /** Told after every step. */
  readonly onStep: (step: number, loss: number) => void | Promise<void>;
  /** Given the network at the end. */
  readonly onEnd?: (model: LayersModel) => void | Promise<void>;
}

const IMAGES_PER_PASS = 500;

/** Tensors are counted in the first step, and in one that refreshes with all state there. */
const COUNTED_STEPS = [0, 50];

/** Trains by a configuration, from the checkpoint if there is one; our kernels must be registered. */
export async function runConfiguration(
  tf: TensorFlow,
  configuration: Configuration,
  data: ImageSplit,
  { checkpoint, isDue, onStep, onEnd }: Keeping,
): Promise<Outcome> {
  const run = new Run(tf, configuration, data, checkpoint.load());
  try {
    while (run.step < configuration.steps) {
      const loss = await run.advance();
      if (run.diverged !== undefined) break;
      if (isDue(run.step)) checkpoint.save(await run.state());
      await onStep(run.step, loss);
    }
    const outcome = run.outcome();
    await onEnd?.(run.model);
    return outcome;
  } finally {
    run.dispose();
  }
}

class Run {
  readonly model: LayersModel;
  readonly #tf: TensorFlow;
  readonly #configuration: Configuration;
  readonly #data: ImageSplit;
  readonly #optimizer: TfjsOptimizer;
  readonly #batches: Batches;
  readonly #evaluate: (images: Images) => Evaluation;
  readonly #record: RunRecord;
  #diverged: Findings['diverged'];

  constructor(
    tf: TensorFlow,
    configuration: Configuration,
    data: ImageSplit,
    saved: RunState | undefined,
  ) {
    const { network, optimizer, seed, steps, batch, augmentation } = configuration;
    const { side, channels, classes } = data.train;
    const { name, options } = optimizer;
    const { learningRate } = options;
    this.#tf = tf;
    this.#configuration = configuration;
    this.#data = data;
    this.model = networkOf(network).make(tf, { side, channels, classes, seed });
    this.#optimizer = optimizers[name].make(tf, {
      ...options,
      learningRate: cosine({ learningRate, steps }),
      ...(isSketched(name) ? { seed } : {}),
    });
    const normalisation = normalisationOf(data.train);
    const key = foldIn(randomKey(seed), 1);
    this.#batches = trainingBatches(tf, data.train, normalisation, { batch, augmentation, key });
    this.#evaluate = (images) =>
      evaluateBatches(tf, this.model, allBatches(tf, images, normalisation, IMAGES_PER_PASS));
    if (saved !== undefined) this.#restore(saved);
    this.#record = saved?.record ?? {
      step: 0,
      loss: 0,
      curve: [],
      spent: 0,
      seconds: [],
      tensorBytes: 0,
    };
  }

  /** Steps that were taken. */
  get step(): number {
    return this.#record.step;
  }

  /** When and how training broke down, if it did. */
  get diverged(): Findings['diverged'] {
    return this.#diverged;
  }

  /** Takes a step, and looks at the validation images where it is time to; the loss before the step. */
  async advance(): Promise<number> {
    const record = this.#record;
    const start = process.cpuUsage();
    const batch = this.#batches(record.step);
    const loss = COUNTED_STEPS.includes(record.step)
      ? await this.#countedStep(batch)
      : this.#learn(batch);
    this.#tf.dispose([batch.x, batch.y]);
    const { user, system } = process.cpuUsage(start);
    record.spent += (user + system) / 1e6;
    if (this.#diverged !== undefined) return loss;
    record.step += 1;
    record.loss += loss;
    if (this.#isTimeToValidate()) this.#validate();
    return loss;
  }

  /** All that another run needs to go on from here with the same bits. */
  async state(): Promise<RunState> {
    await this.#optimizer.flush();
    return {
      weights: this.model.getWeights().map((weight) => weight.dataSync<'float32'>().slice()),
      optimizer: await this.#optimizer.exportState(),
      record: this.#record,
    };
  }

  /** What came out; the test images are looked at here and nowhere else. */
  outcome(): Outcome {
    const { curve, seconds, tensorBytes } = this.#record;
    const findings: Findings =
      this.#diverged === undefined
        ? { test: this.#evaluate(this.#data.test) }
        : { diverged: this.#diverged };
    return {
      findings,
      curve,
      cost: {
        seconds,
        tensorBytes,
        processBytes: 1024 * process.resourceUsage().maxRSS,
        stateBytes: this.#optimizer.stateBytes,
      },
    };
  }

  dispose(): void {
    this.#optimizer.dispose();
    this.model.dispose();
  }

  #learn(batch: Labelled): number {
    const inTraining = { apply: (x: Tensor) => this.model.apply(x, { training: true }) };
    try {
      const cost = this.#optimizer.minimize(() => crossEntropy(this.#tf, inTraining, batch), true);
      const loss = cost?.dataSync()[0] ?? Number.NaN;
      cost?.dispose();
      return loss;
    } catch (error) {
      if (!(error instanceof DivergenceError || error instanceof PreconditionerError)) throw error;
      this.#diverged = { step: this.step, message: error.message };
      return Number.NaN;
    }
  }

  async #countedStep(batch: Labelled): Promise<number> {
    let loss = Number.NaN;
    const { peakBytes } = await this.#tf.profile(() => {
      loss = this.#learn(batch);
      return [];
    });
    this.#record.tensorBytes = Math.max(this.#record.tensorBytes, peakBytes);
    return loss;
  }

  /** Points lie evenly over the steps: the k-th after ⌈k·steps/n⌉ of them. */
  #isTimeToValidate(): boolean {
    const { steps, validations } = this.#configuration;
    const pointsBefore = (step: number): number => Math.floor((step * validations) / steps);
    return pointsBefore(this.step) > pointsBefore(this.step - 1);
  }

  #validate(): void {
    const { step, loss, curve, spent, seconds } = this.#record;
    const since = step - (curve.at(-1)?.step ?? 0);
    curve.push({ step, loss: loss / since, validation: this.#evaluate(this.#data.validation) });
    seconds.push(spent);
    this.#record.loss = 0;
  }

  #restore({ weights, optimizer }: RunState): void {
    const tensors = this.model
      .getWeights()
      .map(({ shape }, k) => this.#tf.tensor(weights[k], shape));
    this.model.setWeights(tensors);
    this.#tf.dispose(tensors);
    this.#optimizer.restoreState(optimizer);
  }
}
