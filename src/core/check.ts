// Every guard. A message names the routine, the argument, what came and what was expected.

/** `value` as messages show it. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  // Its text would be its source.
  if (typeof value === 'function') return 'a function';
  // A module has no toString of its own, and an array's would show [3] as 3.
  if (isObject(value)) return Object.prototype.toString.call(value);
  return String(value);
}

/** Whether `value` is an object, and neither null nor a function. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** `fits` tells whether `value` is what `expected` says: for what is of another type altogether. */
export function checkType(
  where: string,
  name: string,
  value: unknown,
  fits: boolean,
  expected: string,
): asserts fits {
  if (fits) return;
  throw new TypeError(`${where}: ${name} is ${describe(value)}, expected ${expected}`);
}

/** `value` must be an array, of whatever realm. */
export function checkArray(where: string, name: string, value: unknown): void {
  checkType(where, name, value, Array.isArray(value), 'an array');
}

/** Whether `value` is or looks like an array, of any kind and realm, that has its memory. */
export function isList(value: unknown): value is ArrayLike<number> {
  if (!isObject(value) || !('length' in value) || !Number.isSafeInteger(value.length)) return false;
  return !(ArrayBuffer.isView(value) && isDetached(value));
}

/** `value` must be a function. */
export function checkFunction(where: string, name: string, value: unknown): void {
  checkType(where, name, value, typeof value === 'function', 'a function');
}

/**
 * The memory of a typed array must be there. Its length is 0 after it was transferred, as that of an empty
 * one, so that what reads to the end would read nothing and say nothing.
 */
export function checkAttached(where: string, name: string, array: ArrayBufferView): void {
  if (!isDetached(array)) return;
  throw new TypeError(
    `${where}: ${name} lost its memory (transferred or shrunk?), expected an array that has it`,
  );
}

/**
 * Every method of a typed array refuses one whose buffer was transferred, or shrank below it; `detached`
 * of a buffer is younger than the runtimes that are supported, and knows the first only.
 */
function isDetached(array: ArrayBufferView): boolean {
  if (array.byteLength > 0) return false;
  try {
    Float64Array.prototype.keys.call(array);
    return false;
  } catch {
    return true;
  }
}

/** `value` must be an object of options: arrays, dates and promises would pass for empty ones. */
export function checkOptions(
  where: string,
  value: unknown,
  name = 'options',
): asserts value is object {
  const fits = Object.prototype.toString.call(value) === '[object Object]';
  checkType(where, name, value, fits, 'an object');
}

/** What is accepted, and the words for it. */
export interface Guard<T> {
  readonly expected: string;
  readonly has: (value: unknown) => value is T;
}

/** The finite numbers for which `test` holds. */
function numbers(expected: string, test: (value: number) => boolean): Guard<number> {
  return {
    expected,
    has: (value): value is number =>
      typeof value === 'number' && Number.isFinite(value) && test(value),
  };
}

/** The finite numbers. */
export const FINITE: Guard<number> = numbers('a finite number', () => true);

/** The finite numbers > 0. */
export const POSITIVE: Guard<number> = numbers('a finite number > 0', (x) => x > 0);

/** The finite numbers >= 0. */
export const NON_NEGATIVE: Guard<number> = numbers('a finite number >= 0', (x) => x >= 0);

/** [0, 1): decays and momenta. */
export const FRACTION: Guard<number> = numbers('a number in [0, 1)', (x) => x >= 0 && x < 1);

/** [0, 1]: decays of averages, where 1 stands for the plain mean. */
export const UNIT_INTERVAL: Guard<number> = numbers('a number in [0, 1]', (x) => x >= 0 && x <= 1);

/** The integers in [min, max]. */
export function integersFrom(min = 0, max: number = Number.MAX_SAFE_INTEGER): Guard<number> {
  const upper = max === Number.MAX_SAFE_INTEGER ? '' : ` and <= ${max}`;
  return numbers(
    `an integer >= ${min}${upper}`,
    (x) => Number.isSafeInteger(x) && x >= min && x <= max,
  );
}

/** These strings. */
export function oneOf<const Choice extends string>(choices: readonly Choice[]): Guard<Choice> {
  return {
    expected: choices.map(describe).join(' or '),
    has: (value): value is Choice => choices.some((choice) => choice === value),
  };
}

function checkGuard(where: string, name: string, value: unknown, guard: Guard<unknown>): void {
  if (guard.has(value)) return;
  throw new RangeError(`${where}: ${name} is ${describe(value)}, expected ${guard.expected}`);
}

/** Element (row, column) of `name` must be a number: an array would take null for 0 and true for 1. */
export function checkElement(
  where: string,
  name: string,
  row: number,
  column: number,
  value: unknown,
): asserts value is number {
  if (typeof value === 'number') return;
  throw new TypeError(
    `${where}: ${name} holds ${describe(value)} at row ${row}, column ${column}, expected numbers`,
  );
}

/** `value` must be an integer in [min, max]. */
export function checkInteger(
  where: string,
  name: string,
  value: number,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): void {
  // Kernels check at every call: no guard and no words are made where all is well.
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  checkGuard(where, name, value, integersFrom(min, max));
}

/** The element types of dtype.ts, which imports this file. */
type DType = 'float32' | 'float64';

/** `value` as a number of `dtype`: what is too large becomes ±Infinity, and what is too small 0. */
export function narrow(value: number, dtype: DType): number {
  return dtype === 'float32' ? Math.fround(value) : value;
}

/** Whether `value` is a number that stays finite in `dtype`, and becomes 0 only if it is 0. */
function isScalar(value: number, dtype: DType): boolean {
  // First, because rounding what is no number may throw.
  if (!Number.isFinite(value)) return false;
  const narrowed = narrow(value, dtype);
  return Number.isFinite(narrowed) && (narrowed !== 0 || value === 0);
}

/** What a number of float32 must be beside finite; every finite number is one of float64. */
function within(dtype: DType): string {
  return dtype === 'float32' ? ' that float32 holds: 0, or 1.4e-45 to 3.4e+38 in magnitude' : '';
}

/** `value` must be finite, must not overflow in `dtype`, and must not become 0 there unless it is 0. */
export function checkScalar(where: string, name: string, value: number, dtype: DType): void {
  if (isScalar(value, dtype)) return;
  throw new RangeError(
    `${where}: ${name} is ${describe(value)}, expected a finite number${within(dtype)}`,
  );
}

/** `value` must be a finite number > 0, and so in `dtype` too. */
export function checkPositive(
  where: string,
  name: string,
  value: number,
  dtype: DType = 'float64',
): void {
  if (isScalar(value, dtype) && value > 0) return;
  throw new RangeError(
    `${where}: ${name} is ${describe(value)}, expected a finite number > 0${within(dtype)}`,
  );
}

/** `value` must be a finite number >= 0 that neither overflows nor becomes 0 in `dtype`. */
export function checkNonNegative(
  where: string,
  name: string,
  value: number,
  dtype: DType = 'float64',
): void {
  if (isScalar(value, dtype) && value >= 0) return;
  throw new RangeError(
    `${where}: ${name} is ${describe(value)}, expected a finite number >= 0${within(dtype)}`,
  );
}

/** `value` and 1/`value` must be finite numbers > 0, in `dtype` too: dampings. */
export function checkInvertible(where: string, name: string, value: number, dtype: DType): void {
  if (isScalar(value, dtype) && value > 0 && isScalar(1 / value, dtype)) return;
  throw new RangeError(
    `${where}: ${name} is ${describe(value)}, expected a number > 0 that is finite in ${dtype}, as its inverse is`,
  );
}

/** `value` must lie in [0, 1): decays and momenta. */
export function checkFraction(where: string, name: string, value: number): void {
  checkGuard(where, name, value, FRACTION);
}

/** `value` must lie in [0, 1]: decays of averages, where 1 stands for the plain mean. */
export function checkDecay(where: string, name: string, value: number): void {
  checkGuard(where, name, value, UNIT_INTERVAL);
}

/** `value` must be one of `choices`. */
export function checkChoice(
  where: string,
  name: string,
  value: string,
  choices: readonly string[],
): void {
  if (choices.includes(value)) return;
  checkGuard(where, name, value, oneOf(choices));
}

/** `A` must be rows × cols. */
export function checkShape(
  where: string,
  name: string,
  A: { readonly rows: number; readonly cols: number },
  rows: number,
  cols: number,
): void {
  if (A.rows === rows && A.cols === cols) return;
  throw new RangeError(`${where}: ${name} is ${A.rows}×${A.cols}, expected ${rows}×${cols}`);
}

/** `A` must be square. */
export function checkSquare(
  where: string,
  name: string,
  A: { readonly rows: number; readonly cols: number },
): void {
  if (A.rows === A.cols) return;
  throw new RangeError(`${where}: ${name} is ${A.rows}×${A.cols}, expected a square matrix`);
}

/** `A` must hold elements of `dtype`, a string here because dtype.ts imports this file. */
export function checkDType(
  where: string,
  name: string,
  A: { readonly dtype: string },
  dtype: string,
): void {
  if (A.dtype === dtype) return;
  throw new TypeError(`${where}: ${name} holds ${A.dtype}, expected ${dtype}`);
}
