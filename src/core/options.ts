// Options, declared once: their types, defaults, checks, messages and what is saved all derive from it.

import {
  checkOptions,
  checkType,
  describe,
  FINITE,
  FRACTION,
  type Guard,
  integersFrom,
  isObject,
  NON_NEGATIVE,
  narrow,
  oneOf,
  POSITIVE,
  UNIT_INTERVAL,
} from './check.js';
import type { DType } from './dtype.js';
import { nearestName } from './nearest-name.js';

/** Something that an option may be. */
interface Alternative<T> extends Guard<T> {
  /** What `typeof` says of it; undefined where a guard of one's own decides. */
  readonly type?: 'number' | 'boolean' | 'string';
  /** A number that is computed with, hence rounded to the dtype. */
  readonly real?: boolean;
}

/** What one option may be, and its default: T, or undefined where there is none. */
export class Option<T, Default = undefined> {
  readonly fallback: Default;
  readonly #alternatives: readonly Alternative<T>[];

  constructor(alternatives: readonly Alternative<T>[], fallback: Default) {
    this.#alternatives = alternatives;
    this.fallback = fallback;
  }

  /**
   * The same with a default, or with another one.
   *
   * @throws As {@link check} does: the default must be what the option may be.
   */
  default(value: T): Option<T, T> {
    this.check('option', 'its default', value);
    return new Option(this.#alternatives, value);
  }

  /** What either may be; the default remains. */
  or<U>(other: Option<U, unknown>): Option<T | U, Default> {
    return new Option<T | U, Default>(
      [...this.#alternatives, ...other.#alternatives],
      this.fallback,
    );
  }

  /**
   * @throws TypeError where `value` is of another type than any alternative, RangeError where it is
   *   of such a type and yet none of them.
   */
  check(where: string, name: string, value: unknown): void {
    if (this.#alternatives.some(({ has }) => has(value))) return;
    const expected = this.#alternatives.map((alternative) => alternative.expected).join(' or ');
    const known = this.#alternatives.some(({ type }) => type === typeof value);
    checkType(where, name, value, known, expected);
    throw new RangeError(`${where}: ${name} is ${describe(value)}, expected ${expected}`);
  }

  /**
   * A number that is computed with must still be in range once it is rounded to `dtype`, and not 0
   * unless it was.
   *
   * @throws RangeError where it is not.
   */
  checkIn(where: string, name: string, value: unknown, dtype: DType): void {
    if (typeof value !== 'number') return;
    const rounded = narrow(value, dtype);
    for (const { real, has, expected } of this.#alternatives) {
      if (real !== true || (has(rounded) && (rounded !== 0 || value === 0))) continue;
      throw new RangeError(
        `${where}: ${name} is ${value}, expected ${expected} that does not round to ${rounded} in ${dtype}`,
      );
    }
  }
}

/** A finite number. */
export const finite: Option<number> = scalar(FINITE);

/** A finite number > 0. */
export const positive: Option<number> = scalar(POSITIVE);

/** A finite number >= 0. */
export const nonNegative: Option<number> = scalar(NON_NEGATIVE);

/** A number in [0, 1): a momentum. */
export const fraction: Option<number> = scalar(FRACTION);

/** A number in [0, 1]: the decay of an average, where 1 stands for the plain mean. */
export const unitInterval: Option<number> = scalar(UNIT_INTERVAL);

/** A number whose range follows from other arguments: it is checked where they are known. */
export const number: Option<number> = /* @__PURE__ */ guarded(
  'a number',
  (value) => typeof value === 'number',
);

/** A string. */
export const text: Option<string> = /* @__PURE__ */ guarded(
  'a string',
  (value) => typeof value === 'string',
);

/** An array, of whatever realm; what it holds is checked where it is read. */
export const array: Option<readonly unknown[]> = /* @__PURE__ */ guarded('an array', Array.isArray);

/** Yes or no. */
export const flag: Option<boolean> = new Option(
  [{ type: 'boolean', expected: 'true or false', has: (value) => typeof value === 'boolean' }],
  undefined,
);

/** An integer in [min, max]. */
export function integer(min?: number, max?: number): Option<number> {
  return new Option([{ type: 'number', ...integersFrom(min, max) }], undefined);
}

/** One of these strings. */
export function choice<const Choice extends string>(...choices: readonly Choice[]): Option<Choice> {
  return new Option([{ type: 'string', ...oneOf(choices) }], undefined);
}

/** Whatever `has` accepts: functions, for the most part, which are not saved. */
export function guarded<T>(expected: string, has: (value: unknown) => value is T): Option<T> {
  return new Option([{ expected, has }], undefined);
}

function scalar(guard: Guard<number>): Option<number> {
  return new Option([{ type: 'number', real: true, ...guard }], undefined);
}

/** Whether JSON holds a value as it is. */
export function isPlain(value: unknown): boolean {
  if (value === undefined || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isPlain);
  const isRecord = Object.prototype.toString.call(value) === '[object Object]';
  return isRecord && isObject(value) && Object.values(value).every(isPlain);
}

/** Options by name. */
export type Entries = Readonly<Record<string, Option<unknown, unknown>>>;

/** Options as they are given: each may be missing or undefined. */
type Given<E> = {
  readonly [Name in keyof E]?: E[Name] extends Option<infer T, unknown> ? T | undefined : never;
};

/** Options as they are used: none is missing, and undefined only where it has no default. */
type Settings<E> = {
  readonly [Name in keyof E]: E[Name] extends Option<infer T, infer Default> ? T | Default : never;
};

/** What a caller may give. */
export type OptionsOf<List extends { readonly entries: Entries }> = Given<List['entries']>;

/** What {@link OptionList.read} makes of it. */
export type SettingsOf<List extends { readonly entries: Entries }> = Settings<List['entries']>;

/** Options as they are saved, and the names of those that cannot be. */
export interface SavedOptions {
  readonly values: Readonly<Record<string, number | boolean | string>>;
  readonly omitted: readonly string[];
}

/** All options of a routine. */
export class OptionList<E extends Entries> {
  /** To be spread into a longer list. */
  readonly entries: E;
  readonly #options: readonly [string, Option<unknown, unknown>][];

  constructor(entries: E) {
    this.entries = entries;
    this.#options = Object.entries(entries);
  }

  /**
   * `given` with defaults for what it leaves out. `name` is that of the argument.
   *
   * @throws TypeError where it is no object or an option is of another type.
   * @throws RangeError where an option is unknown or out of range.
   */
  read(where: string, given: unknown, name?: string): Settings<E> {
    const settings: object = this.load(where, given, name);
    this.#addDefaults(settings);
    return settings;
  }

  /**
   * `given` as it is, without what is undefined: for options that come from a file.
   *
   * @throws As {@link read} does.
   */
  load(where: string, given: unknown, name?: string): Given<E> {
    checkOptions(where, given, name);
    const present: object = Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    );
    this.#checkGiven(where, present);
    return present;
  }

  /** Those options of a longer list that belong to this one. */
  pick(where: string, given: Given<E>): Given<E> {
    return this.load(where, Object.fromEntries(this.#valuesOf(given)));
  }

  /** The numbers, booleans and strings among `given`, and as JSON lists and records of such. */
  saved(given: Given<E>): SavedOptions {
    const values: Record<string, number | boolean | string> = {};
    const omitted: string[] = [];
    for (const [name, value] of this.#valuesOf(given)) {
      if (value === undefined) continue;
      if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') {
        values[name] = value;
      } else if (isPlain(value)) values[name] = JSON.stringify(value);
      else omitted.push(name);
    }
    return { values, omitted };
  }

  /**
   * Every number that is computed with must be in range once it is rounded to `dtype`.
   *
   * @throws RangeError where one is not.
   */
  checkIn(where: string, given: Given<E>, dtype: DType): void {
    for (const [name, option] of this.#options) {
      option.checkIn(where, name, Reflect.get(given, name), dtype);
    }
  }

  #valuesOf(given: object): readonly [string, unknown][] {
    return Object.keys(this.entries).map((name) => [name, Reflect.get(given, name)]);
  }

  #checkGiven(where: string, values: object): asserts values is Given<E> {
    for (const [name, value] of Object.entries(values)) {
      if (!Object.hasOwn(this.entries, name)) {
        const names = Object.keys(this.entries);
        const nearest = nearestName(name, names);
        const advice = nearest === undefined ? '' : `; did you mean '${nearest}'?`;
        throw new RangeError(
          `${where}: unknown option '${name}', expected one of ${names.join(', ')}${advice}`,
        );
      }
      this.entries[name].check(where, name, value);
    }
  }

  /** Completes what was checked. */
  #addDefaults(values: object): asserts values is Settings<E> {
    for (const [name, { fallback }] of this.#options) {
      if (!Object.hasOwn(values, name)) Reflect.set(values, name, fallback);
    }
  }
}

/** The options of a routine, by name. */
export function optionList<E extends Entries>(entries: E): OptionList<E> {
  return new OptionList(entries);
}
