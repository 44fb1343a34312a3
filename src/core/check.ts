// Every guard. A message names the routine, the argument, what came and what was expected.

/** What {@link checkFinite} reads of a DenseMatrix; named here because matrix.ts imports this file. */
interface Elements {
  readonly data: ArrayLike<number>;
  readonly offset: number;
  readonly stride: number;
  readonly rows: number;
  readonly cols: number;
}

/** `value` as messages show it. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
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
): void {
  if (fits) return;
  throw new TypeError(`${where}: ${name} is ${describe(value)}, expected ${expected}`);
}

/** `value` must be an object of options. */
export function checkOptions(where: string, value: unknown): void {
  checkType(where, 'options', value, isObject(value), 'an object');
}

/** `value` must be an integer in [min, max]. */
export function checkInteger(
  where: string,
  name: string,
  value: number,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  const upper = max === Number.MAX_SAFE_INTEGER ? '' : ` and <= ${max}`;
  throw new RangeError(
    `${where}: ${name} is ${describe(value)}, expected an integer >= ${min}${upper}`,
  );
}

/** The element types of dtype.ts, which imports this file. */
type DType = 'float32' | 'float64';

/** `value` as a number of `dtype`: what is too large becomes ±Infinity, and what is too small 0. */
function narrow(value: number, dtype: DType): number {
  return dtype === 'float32' ? Math.fround(value) : value;
}

/** Whether `value` is a number that stays finite in `dtype`, and becomes 0 only if it is 0. */
function isScalar(value: number, dtype: DType): boolean {
  const narrowed = narrow(value, dtype);
  return Number.isFinite(value) && Number.isFinite(narrowed) && (narrowed !== 0 || value === 0);
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

/** `value` must be a finite number > 0. */
export function checkPositive(where: string, name: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return;
  throw new RangeError(`${where}: ${name} is ${describe(value)}, expected a finite number > 0`);
}

/** `value` must be a finite number >= 0. */
export function checkNonNegative(where: string, name: string, value: number): void {
  if (Number.isFinite(value) && value >= 0) return;
  throw new RangeError(`${where}: ${name} is ${describe(value)}, expected a finite number >= 0`);
}

/** `value` must lie in [0, 1): decays and momenta. */
export function checkFraction(where: string, name: string, value: number): void {
  if (Number.isFinite(value) && value >= 0 && value < 1) return;
  throw new RangeError(`${where}: ${name} is ${describe(value)}, expected a number in [0, 1)`);
}

/** `value` must lie in [0, 1]: decays of averages, where 1 stands for the plain mean. */
export function checkDecay(where: string, name: string, value: number): void {
  if (Number.isFinite(value) && value >= 0 && value <= 1) return;
  throw new RangeError(`${where}: ${name} is ${describe(value)}, expected a number in [0, 1]`);
}

/** `value` must be one of `choices`. */
export function checkChoice(
  where: string,
  name: string,
  value: string,
  choices: readonly string[],
): void {
  if (choices.includes(value)) return;
  throw new RangeError(
    `${where}: ${name} is ${describe(value)}, expected ${choices.map(describe).join(' or ')}`,
  );
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

/** `A` must hold no NaN and no Infinity; returns the largest |aᵢⱼ|. Cost: one pass. */
export function checkFinite(where: string, name: string, A: Elements): number {
  const { data, offset, stride, rows, cols } = A;
  let largest = 0;
  for (let i = 0; i < rows; i++) {
    const start = offset + i * stride;
    // NaN passes through Math.max, so one number finds both NaN and Infinity.
    for (let j = start; j < start + cols; j++) largest = Math.max(largest, Math.abs(data[j]));
    if (!Number.isFinite(largest)) {
      for (let j = 0; j < cols; j++) {
        if (Number.isFinite(data[start + j])) continue;
        throw new RangeError(
          `${where}: ${name} holds ${data[start + j]} at row ${i}, column ${j}, expected finite numbers`,
        );
      }
    }
  }
  return largest;
}
