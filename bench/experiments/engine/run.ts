// One run: trains, validates on the way, tests at the end; goes on from where it was cut off.

import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import type { PlainState } from '../../../src/backend/saved-state.js';
import { DivergenceError, PreconditionerError } from '../../../src/core/errors.js';
import { foldIn, randomKey } from '../../../src/core/random.js';
import { cosine, type Schedule, warmUp } from '../../../src/optimize/schedules.js';
import type { TfjsOptimizer } from '../../../src/tfjs/index.js';
import type { TensorFlow } from '../../data/tensorflow.js';
import type { Evaluation, Labelled } from '../../demo/model.js';
import { networkOf } from '../models/index.js';
import type { NetworkOptions } from '../models/network.js';
import { isSketched, optimizers } from '../optimizers.js';
import type { Checkpoint } from './checkpoint.js';
import type { Configuration } from './configuration.js';
import { digestOf } from './digest.js';
import { peakBytesOf, processPeakBytes } from './memory.js';
import type { CurvePoint, Findings, Outcome } from './outcome.js';
import { judgeAll, stepOver } from './passes.js';
import { type Dataset, type Judged, openSource, type Source } from './source.js';

/** All that an unfinished run is made of. */
export interface RunState {
  /** Tells the images that it saw from others. */
  readonly images: string;
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

/** Memory is looked at in the first step, which observes and refreshes, and in one that observes with all state there. */
const COUNTED_STEPS = [0, 5];

/**
 * Trains by a configuration, from the checkpoint if there is one; our kernels must be registered.
 *
 * @throws Error where the checkpoint is of a run on other images.
 */
export async function runConfiguration(
  tf: TensorFlow,
  configuration: Configuration,
  data: Dataset,
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
    const outcome = await run.outcome();
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
  readonly #images: string;
  readonly #source: Source;
  readonly #optimizer: TfjsOptimizer;
  readonly #record: RunRecord;
  #diverged: Findings['diverged'];
  /** What the pass under way draws with. */
  #pass = randomKey(0);

  constructor(
    tf: TensorFlow,
    configuration: Configuration,
    data: Dataset,
    saved: RunState | undefined,
  ) {
    const { optimizer, seed } = configuration;
    const { name, options } = optimizer;
    this.#tf = tf;
    this.#configuration = configuration;
    this.#images = digestOf(data);
    if (saved !== undefined && saved.images !== this.#images) {
      throw new Error(
        `the checkpoint of this run has seen images ${saved.images}, expected ${this.#images}: run without --resume`,
      );
    }
    this.#source = openSource(tf, data, configuration, foldIn(randomKey(seed), 1));
    this.model = this.#network({ side: this.#source.shape.side });
    this.#optimizer = optimizers[name].make(tf, {
      ...options,
      learningRate: scheduleOf(configuration),
      ...(isSketched(name) ? { seed } : {}),
    });
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
    const passes = await this.#source.batch(record.step);
    const loss = COUNTED_STEPS.includes(record.step)
      ? await this.#countedStep(passes)
      : await this.#learn(passes);
    for (const { x, y } of passes) this.#tf.dispose([x, y]);
    const { user, system } = process.cpuUsage(start);
    record.spent += (user + system) / 1e6;
    if (this.#diverged !== undefined) return loss;
    record.step += 1;
    record.loss += loss;
    if (this.#isTimeToValidate()) await this.#validate();
    return loss;
  }

  /** All that another run needs to go on from here with the same bits. */
  async state(): Promise<RunState> {
    await this.#optimizer.flush();
    return {
      images: this.#images,
      weights: await Promise.all(
        this.model.getWeights().map(async (weight) => (await weight.data<'float32'>()).slice()),
      ),
      optimizer: await this.#optimizer.exportState(),
      record: this.#record,
    };
  }

  async outcome(): Promise<Outcome> {
    const { curve, seconds, tensorBytes } = this.#record;
    return {
      images: this.#images,
      findings: await this.#findings(),
      curve,
      cost: {
        seconds,
        tensorBytes,
        processBytes: processPeakBytes(),
        stateBytes: this.#optimizer.stateBytes,
      },
    };
  }

  dispose(): void {
    this.#optimizer.dispose();
    this.model.dispose();
  }

  /** The test images are looked at here and nowhere else. */
  async #findings(): Promise<Findings> {
    if (this.#diverged !== undefined) return { diverged: this.#diverged };
    return this.#configuration.isTrial ? {} : { test: await this.#judge('test') };
  }

  /** A network of this run, for images of a size. */
  #network(options: Pick<NetworkOptions, 'side' | 'weights'>): LayersModel {
    const { network, seed, augmentation } = this.#configuration;
    const { channels, classes } = this.#source.shape;
    const rate = typeof augmentation === 'object' ? augmentation.stochasticDepth : 0;
    const depth = rate === 0 ? {} : { depth: { rate, key: () => this.#pass } };
    return networkOf(network).make(this.#tf, { channels, classes, seed, ...options, ...depth });
  }

  /** What is read later takes effect before the next step, so that checkpoints change nothing. */
  async #learn(passes: readonly Labelled[]): Promise<number> {
    const ofStep = foldIn(foldIn(randomKey(this.#configuration.seed), 2), this.step);
    let pass = 0;
    const inTraining = {
      apply: (x: Tensor) => {
        this.#pass = foldIn(ofStep, pass++);
        return this.model.apply(x, { training: true });
      },
    };
    try {
      const loss = await stepOver(this.#tf, this.#optimizer, inTraining, passes);
      await this.#optimizer.flush();
      // Where losses are read later, the optimiser would tell at the next step only.
      if (!Number.isFinite(loss))
        throw new DivergenceError(this.step, `the loss is ${loss}`, undefined);
      return loss;
    } catch (error) {
      if (!(error instanceof PreconditionerError || this.#hasDiverged(error))) throw error;
      this.#diverged = { step: this.step, message: error.message };
      return Number.NaN;
    }
  }

  /**
   * Once a step was taken, what the step or an observation finds out of range is what training has made. What else
   * is a RangeError, as memory that is at an end, is none of its making.
   */
  #hasDiverged(error: unknown): error is RangeError {
    if (error instanceof DivergenceError) return true;
    return error instanceof RangeError && this.step > 0 && /^(observe|step): /.test(error.message);
  }

  async #countedStep(passes: readonly Labelled[]): Promise<number> {
    let loss = Number.NaN;
    const peak = await peakBytesOf(this.#tf, async () => {
      loss = await this.#learn(passes);
    });
    this.#record.tensorBytes = Math.max(this.#record.tensorBytes, peak);
    return loss;
  }

  /** Judged by a network of the size of those images, with the weights of the one that is trained. */
  async #judge(sample: Judged): Promise<Evaluation> {
    const { shape, testSide, judged } = this.#source;
    if (testSide === shape.side) return judgeAll(this.#tf, this.model, judged(sample));
    const model = this.#network({ side: testSide, weights: 'zeros' });
    model.setWeights(this.model.getWeights());
    try {
      return await judgeAll(this.#tf, model, judged(sample));
    } finally {
      model.dispose();
    }
  }

  /** Points lie evenly over the steps: the k-th after ⌈k·steps/n⌉ of them. */
  #isTimeToValidate(): boolean {
    const { steps, validations } = this.#configuration;
    const pointsBefore = (step: number): number => Math.floor((step * validations) / steps);
    return pointsBefore(this.step) > pointsBefore(this.step - 1);
  }

  async #validate(): Promise<void> {
    const { step, loss, curve, spent, seconds } = this.#record;
    const since = step - (curve.at(-1)?.step ?? 0);
    curve.push({ step, loss: loss / since, validation: await this.#judge('validation') });
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

/** Along a cosine, behind a warm-up where there is one. */
function scheduleOf({ optimizer, steps, warmUp: first = 0 }: Configuration): Schedule {
  const { learningRate } = optimizer.options;
  const schedule = cosine({ learningRate, steps: steps - first });
  return first === 0 ? schedule : warmUp({ steps: first, schedule });
}
