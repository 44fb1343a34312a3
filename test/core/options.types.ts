// What the compiler derives from a list of options: this file is compiled, never run.

import type { OptionsOf, SettingsOf } from '../../src/core/options.js';
import type { KFAC_LIKE, NYSACT, Schedule, SGD, SketchSource } from './lists.js';

type Expect<T extends true> = T;
type Not<T extends boolean> = T extends true ? false : true;
type Assignable<From, To> = [From] extends [To] ? true : false;
type Equal<A, B> =
  (<T>(value: T) => T extends A ? 1 : 2) extends <T>(value: T) => T extends B ? 1 : 2
    ? true
    : false;

interface SgdOptions {
  readonly learningRate?: number | Schedule | undefined;
  readonly momentum?: number | undefined;
  readonly nesterov?: boolean | undefined;
  readonly weightDecay?: number | undefined;
}

interface NysactSettings {
  readonly rank: number;
  readonly damping: number;
  readonly decay: number;
  readonly sketch: 'gaussian' | 'subcolumn' | SketchSource;
  readonly seed: number;
  readonly shift: 'tiny' | 'damping' | number;
  readonly klClip: number | 'none';
  readonly tail: boolean;
  readonly clipLearningRate: number | Schedule | undefined;
}

type Same<A, B> = Equal<{ [K in keyof A]: A[K] }, { [K in keyof B]: B[K] }>;
type Long = OptionsOf<typeof KFAC_LIKE>;

export type TypesFollowFromTheList = [
  Expect<Same<OptionsOf<typeof SGD>, SgdOptions>>,
  Expect<Same<SettingsOf<typeof NYSACT>, NysactSettings>>,
  Expect<Equal<ReturnType<typeof NYSACT.read>, SettingsOf<typeof NYSACT>>>,
  Expect<Assignable<Long, OptionsOf<typeof SGD>>>,
  Expect<Assignable<Long, OptionsOf<typeof NYSACT>>>,
  Expect<Assignable<SettingsOf<typeof NYSACT>, OptionsOf<typeof NYSACT>>>,
  Expect<Not<Assignable<{ readonly rank: string }, OptionsOf<typeof NYSACT>>>>,
  Expect<Not<Assignable<{ readonly sketch: 'gausian' }, OptionsOf<typeof NYSACT>>>>,
  Expect<Not<Assignable<OptionsOf<typeof NYSACT>, SettingsOf<typeof NYSACT>>>>,
];

/** A list can be an interface, which messages of the compiler then name. */
export interface NysactOptions extends OptionsOf<typeof NYSACT> {}
export type AnInterfaceIsTheSame = Expect<Same<NysactOptions, OptionsOf<typeof NYSACT>>>;
