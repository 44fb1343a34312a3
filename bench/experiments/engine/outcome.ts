// What comes out of a run.

import type { Evaluation } from '../../demo/model.js';

/** What was seen after so many steps. */
export interface CurvePoint {
  readonly step: number;
  /** Mean loss of the batches since the point before, each before its step. */
  readonly loss: number;
  readonly validation: Evaluation;
}

/** What a run found: a trial has no test. To diverge is a result too. */
export interface Findings {
  readonly test?: Evaluation;
  readonly diverged?: { readonly step: number; readonly message: string };
}

/** What a run took. Times are of the processor, which a busy machine does not stretch. */
export interface Cost {
  /** Seconds of training until each point of the curve. */
  readonly seconds: readonly number[];
  /** Peak bytes of tensors in a step, and of the process. */
  readonly tensorBytes: number;
  readonly processBytes: number;
  /** Bytes of the optimiser's state. */
  readonly stateBytes: number;
}

/** All of it. Findings and curve are the same for equal configurations. */
export interface Outcome {
  /** Tells the images that it saw from others. */
  readonly images: string;
  readonly findings: Findings;
  readonly curve: readonly CurvePoint[];
  readonly cost: Cost;
}
