// The probe: every argument of a call, and every part of it, is replaced by every bad value.

import { isDeepStrictEqual } from 'node:util';
import type { DenseMatrix } from '../../../src/core/matrix.js';
import { isDenseMatrix } from '../../../src/core/matrix.js';
import { backend, GRID } from './grid.js';
import type { Kind } from './kinds.js';

/** What can be called with anything. */
export type Callable = (...args: never[]) => unknown;

/** A valid call. */
export interface Fixture {
  readonly self?: object | undefined;
  readonly call: Callable;
  readonly args: readonly unknown[];
  /** What a refusal must leave as it is, beside the arguments. */
  readonly watch?: (() => unknown) | undefined;
}

/** A routine with the kinds of its arguments, by name and in order. */
export interface Routine {
  /** As it is looked up: an export, or a method after the name of its object. */
  readonly name: string;
  /** What messages begin with, where it is not the name. */
  readonly where?: string | undefined;
  readonly kinds: Readonly<Record<string, Kind>>;
  /** What messages call arguments, where that is not their name. */
  readonly aliases?: Readonly<Record<string, string>> | undefined;
  readonly make: () => Fixture | Promise<Fixture>;
  /** The valid call is made elsewhere: it takes threads, or a device. */
  readonly refusesOnly?: boolean;
  /** It takes any number of arguments, none included. */
  readonly variadic?: boolean;
}

/** One bad call: where the value is, its names, and the arguments with it. */
interface Fault {
  readonly path: string;
  readonly names: readonly string[];
  readonly bad: string;
  readonly args: readonly unknown[];
}

/** What a probe has found. */
export interface Findings {
  readonly calls: number;
  readonly problems: readonly string[];
}

/** Every bad call of a routine. */
export async function probe(routine: Routine): Promise<Findings> {
  const problems: string[] = [];
  let calls = 0;
  let fixture = await routine.make();
  const valid = routine.refusesOnly === true ? {} : await outcome(fixture, fixture.args);
  if (valid.error !== undefined) return { calls: 1, problems: [`the valid call: ${text(valid)}`] };
  fixture = await routine.make();
  for (const fault of faults(routine, fixture.args)) {
    calls += 1;
    const before = state(fixture);
    const found = await outcome(fixture, fault.args);
    const label = `${fault.path} = ${fault.bad}`;
    const complaint = complaintAbout(routine, fault, found);
    if (complaint !== undefined) problems.push(`${label}: ${complaint}`);
    if (isDeepStrictEqual(before, state(fixture))) {
      if (found.error !== undefined) continue;
    } else if (found.error !== undefined) problems.push(`${label}: refused, but state has changed`);
    fixture = await routine.make();
  }
  return { calls, problems };
}

/** A function of an entrance. */
export function exported(
  module: object,
  name: string,
  kinds: Routine['kinds'],
  args: () => readonly unknown[],
  more: { readonly where?: string; readonly title?: string } = {},
): Routine {
  const call: unknown = Reflect.get(module, name);
  if (!isCallable(call)) throw new TypeError(`exported: ${name} is no function`);
  const make = () => ({ call, args: args() });
  return { name: more.title ?? name, where: more.where ?? name, kinds, make };
}

/** A method of an object that is made anew. */
export function method<T extends object>(
  title: string,
  kinds: Routine['kinds'],
  make: () => T | Promise<T>,
  args: (self: T) => readonly unknown[],
  more: Pick<Routine, 'where' | 'aliases'> & { readonly watch?: (self: T) => unknown } = {},
): Routine {
  const name = title.slice(title.lastIndexOf('.') + 1);
  return {
    name: title,
    where: more.where,
    aliases: more.aliases,
    kinds,
    async make() {
      const self = await make();
      const call: unknown = Reflect.get(self, name);
      if (!isCallable(call)) throw new TypeError(`method: ${title} is no function`);
      return { self, call, args: args(self), watch: () => more.watch?.(self) };
    },
  };
}

export function isCallable(value: unknown): value is Callable {
  return typeof value === 'function';
}

interface Outcome {
  readonly error?: unknown;
}

async function outcome({ self, call }: Fixture, args: readonly unknown[]): Promise<Outcome> {
  try {
    await Reflect.apply(call, self, [...args]);
    return {};
  } catch (error) {
    return { error: error ?? 'nothing' };
  }
}

function text({ error }: Outcome): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Whether an error is ours: it begins with the routine and names the argument. */
function complaintAbout(
  { name, kinds, aliases = {}, where = name.slice(name.lastIndexOf('.') + 1) }: Routine,
  { names, bad }: Fault,
  found: Outcome,
): string | undefined {
  const { error } = found;
  if (error === undefined) return 'taken in silence';
  if (!(error instanceof TypeError || error instanceof RangeError)) return text(found);
  const { message } = error;
  const begins = new RegExp(`^(?:${where})\\b`, 'u').test(message);
  // Where two shapes do not fit together, either may be named.
  const named = bad.endsWith('of another shape') ? [...names, ...Object.keys(kinds)] : names;
  const tells = named.some((argument) =>
    new RegExp(aliases[argument] ?? `\\b${argument}\\b`, 'u').test(message),
  );
  return begins && tells ? undefined : text(found);
}

/** The arguments and what is watched, as values that can be compared. */
function state({ self, args, watch }: Fixture): unknown {
  return [content(self), args.map(content), watch?.()];
}

function content(value: unknown): unknown {
  if (isDenseMatrix(value)) return elements(value);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return structuredClone(value);
  if (Array.isArray(value)) return value.map(content);
  if (isSlot(value)) return elements(backend.readSync(value));
  return undefined;
}

function elements({ rows, cols, data }: DenseMatrix): unknown {
  return [rows, cols, data.slice()];
}

/** Whether a value is a slot of the probe's backend. */
function isSlot(value: unknown): value is Parameters<typeof backend.readSync>[0] {
  try {
    Reflect.apply(Reflect.get(backend, 'firstOverlap'), backend, [[value]]);
    return true;
  } catch {
    return false;
  }
}

/** The valid arguments with one bad value in them, in every way. */
function* faults({ kinds, variadic = false }: Routine, args: readonly unknown[]): Generator<Fault> {
  const entries = Object.entries(kinds);
  // What is left out is undefined.
  const all = entries.map((_, index) => args[index]);
  for (const [index, [name, kind]] of entries.entries()) {
    for (const { path, names, bad, value } of variants(name, kind, all[index])) {
      yield { path, names, bad, args: all.with(index, value) };
    }
  }
  if (!variadic && entries.some(([, { has }]) => !has(undefined))) {
    yield { path: 'all arguments', names: entries.map(([name]) => name), bad: 'missing', args: [] };
  }
}

interface Variant extends Omit<Fault, 'args'> {
  readonly value: unknown;
}

/** What may stand in the place of a valid value, and should be refused. */
function* variants(name: string, kind: Kind, valid: unknown): Generator<Variant> {
  const { fields, element, open = false } = kind;
  // Of an object in which all is missing, a part may be named.
  const names = [name, ...Object.keys(fields ?? {})];
  for (const [bad, value] of GRID) {
    if (!kind.has(value)) yield { path: name, names, bad, value };
  }
  if (element !== undefined && Array.isArray(valid)) {
    for (const part of variants(name, element, valid[0])) {
      yield { ...part, path: `${name}[0]`, value: valid.with(0, part.value) };
    }
  }
  if (fields === undefined) return;
  const whole = Object(valid);
  for (const [field, part] of Object.entries(fields)) {
    for (const variant of variants(field, part, Reflect.get(whole, field))) {
      const value = { ...whole, [field]: variant.value };
      yield { ...variant, path: `${name}.${variant.path}`, value };
    }
  }
  if (open) return;
  const value = { ...whole, unheardOf: 1 };
  yield { path: `${name}.unheardOf`, names: ['unheardOf'], bad: '1', value };
}
