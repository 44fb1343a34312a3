// The page at work: what its buttons do.

import type { Contestant } from '../demo/contestants.js';
import { lenetContestants } from '../demo/lenet.js';
import { openBackend, type PageBackend, pageBackends } from './backends.js';
import type { PageSamples } from './images.js';
import { Trainer, type TrainingPlan } from './trainer.js';
import {
  buildView,
  type Curve,
  drawCurves,
  lossesPerPoint,
  mostCurves,
  type Standing,
  showMissing,
  showStanding,
  type View,
} from './view.js';

/** What the page trains. */
export interface PageOptions {
  /** Fetches the images, once. */
  readonly load: () => Promise<PageSamples>;
  readonly plan: TrainingPlan;
  /** Steps from one look at the test images to the next. */
  readonly testEvery: number;
}

/** Milliseconds between two drawings. */
const drawEvery = 250;
/** Steps behind the time that is shown. */
const timedSteps = 10;

const optimisers = lenetContestants.filter(({ name }) => name !== 'foof');

/** Puts the page into an element; its buttons do the rest. */
export function mountPage(container: HTMLElement, options: PageOptions): void {
  const page = new Page(buildView(container, pageBackends, optimisers), options);
  page.listen();
}

class Page {
  readonly #view: View;
  readonly #options: PageOptions;
  #curves: Curve[] = [];
  #samples: Promise<PageSamples> | undefined;
  #stopping = false;

  constructor(view: View, options: PageOptions) {
    this.#view = view;
    this.#options = options;
    this.#say({ kind: 'ready', text: 'Choose a backend and an optimiser, and start.' });
  }

  listen(): void {
    const { start, stop, clear } = this.#view;
    start.addEventListener('click', () => void this.#start());
    stop.addEventListener('click', () => {
      this.#stopping = true;
    });
    clear.addEventListener('click', () => {
      this.#curves = [];
      drawCurves(this.#view, this.#curves);
      this.#say({ kind: 'ready', text: 'Ready.' });
    });
  }

  async #start(): Promise<void> {
    const backend = pageBackends.find(({ name }) => name === this.#view.backend.value);
    const optimiser = optimisers.find(({ name }) => name === this.#view.optimiser.value);
    if (backend === undefined || optimiser === undefined) return;
    this.#stopping = false;
    try {
      this.#say({ kind: 'ready', text: await this.#run(backend, optimiser) });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#say({ kind: 'failed', text });
    } finally {
      drawCurves(this.#view, this.#curves);
    }
  }

  /** Trains to the end, or until it is stopped, and says which it was. */
  async #run(backend: PageBackend, optimiser: Contestant): Promise<string> {
    const tf = await this.#open(backend);
    this.#say({ kind: 'busy', text: 'Loading the images…' });
    const samples = await this.#load();
    const { plan, testEvery } = this.#options;
    const curve = this.#newCurve(`${optimiser.title}, ${backend.name}`);
    const trainer = new Trainer(tf, optimiser, samples, plan);
    const losses: number[] = [];
    const times: number[] = [];
    let drawn = performance.now();
    try {
      for (let step = 1; step <= plan.steps; step++) {
        if (this.#stopping) return `${curve.name}: stopped.`;
        const start = performance.now();
        losses.push(await trainer.step());
        times.push(performance.now() - start);
        curve.losses.push({ x: step, y: mean(losses.slice(-lossesPerPoint)) });
        curve.milliseconds = mean(times.slice(-timedSteps));
        if (step % testEvery === 0 || step === plan.steps) {
          curve.accuracies.push({ x: step, y: 100 * (await trainer.accuracy()) });
        }
        if (performance.now() - drawn > drawEvery) {
          drawCurves(this.#view, this.#curves);
          drawn = performance.now();
        }
        this.#say({ kind: 'busy', text: `${curve.name}: step ${step} of ${plan.steps}` });
        // The browser paints, and buttons are heard.
        await tf.nextFrame();
      }
    } finally {
      trainer.dispose();
    }
    return `${curve.name}: done.`;
  }

  async #open(backend: PageBackend): ReturnType<typeof openBackend> {
    this.#say({ kind: 'busy', text: `Opening ${backend.title}…` });
    try {
      return await openBackend(backend);
    } catch (error) {
      showMissing(this.#view, backend.name);
      throw error;
    }
  }

  /** Fetches the images; what has failed is tried again the next time. */
  #load(): Promise<PageSamples> {
    this.#samples ??= this.#options.load().catch((error: unknown) => {
      this.#samples = undefined;
      throw error;
    });
    return this.#samples;
  }

  /** The oldest curve goes where there would be too many to tell apart. */
  #newCurve(title: string): Curve {
    const taken = new Set(this.#curves.map((curve) => curve.name));
    let name = title;
    for (let run = 2; taken.has(name); run++) name = `${title} (${run})`;
    const curve: Curve = { name, losses: [], accuracies: [], milliseconds: 0 };
    this.#curves = [...this.#curves, curve].slice(-mostCurves);
    return curve;
  }

  #say(standing: Standing): void {
    showStanding(this.#view, standing, this.#curves.length);
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
