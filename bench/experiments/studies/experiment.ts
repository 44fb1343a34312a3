// What an experiment is: runs and measurements that it needs, and what it makes of them.

import type { Block } from '../../report/html.js';
import type { Configuration } from '../engine/configuration.js';
import type { Found, Measured } from '../engine/results.js';

/** How much is done: `full` is the paper's own setting. */
export type Scale = 'smoke' | 'small' | 'full';

/** Scale and repetitions of an experiment. */
export interface Scope {
  readonly scale: Scale;
  /** Seeds 1 … seeds. */
  readonly seeds: number;
  /** What the user named with `--data`: some runs are called for only where their images are there. */
  readonly folder?: string | undefined;
}

/** One of the paper's tables or figures. */
export interface Experiment {
  readonly title: string;
  readonly runs?: (scope: Scope) => readonly Configuration[];
  /** Runs whose memory is looked at have a process of their own at every scale. */
  readonly isApart?: boolean;
  readonly measurements?: (scope: Scope) => readonly Measured<object>[];
  /** Tables and figures of what is there. */
  readonly report: (scope: Scope, found: Found) => readonly Block[] | Promise<readonly Block[]>;
}
