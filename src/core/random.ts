// Randomness as a value: keys, and streams of numbers that are functions of a key and an index.

import { checkAttached, checkInteger, checkScalar, checkType, isObject } from './check.js';
import { type DType, isFloatArray, isTypedArray } from './dtype.js';
import { finite, optionList } from './options.js';
import { philox4x32 } from './philox.js';
import { normalQuantile } from './quantile.js';
import { checkRange } from './range.js';

/**
 * The name of a random stream. A key is used for one purpose; {@link foldIn} derives as many
 * independent keys from it as are needed.
 */
export interface RandomKey {
  readonly low: number;
  readonly high: number;
}

function isWord(value: unknown): boolean {
  return typeof value === 'number' && value >>> 0 === value;
}

/** `key` must be a RandomKey: a seed is none. */
export function checkKey(where: string, key: unknown): void {
  const fits =
    isObject(key) && 'low' in key && isWord(key.low) && 'high' in key && isWord(key.high);
  checkType(where, 'key', key, fits, 'a RandomKey, as randomKey(seed) gives it');
}

function checkOut(where: string, out: unknown): void {
  const fits = isFloatArray(out);
  checkType(where, 'out', out, fits, 'a Float32Array or a Float64Array');
  checkAttached(where, 'out', out);
}

const TWO_26 = 0x4000000;
const TWO_32 = 0x100000000;
const ULP_UNIFORM = 1 / 0x20000000000000; // 2⁻⁵³
const HALF_ULP_UNIFORM = ULP_UNIFORM / 2;
const TWO_24 = 0x1000000;

/** Above the quantile at 1 − 2⁻⁵⁴. */
const LARGEST_NORMAL = 8.3;

/** Last counter word: streams and derived keys never meet in one Philox block. */
const STREAM = 0;
const DERIVATION = 1;

/** The words of a safe integer ≥ 0 (`>>> 0` reduces modulo 2³², exactly). */
function splitWords(value: number): readonly [low: number, high: number] {
  return [value >>> 0, Math.floor(value / TWO_32)];
}

/**
 * The key of an integer seed. Different seeds give different keys.
 *
 * @throws RangeError unless `seed` is a safe integer ≥ 0.
 */
export function randomKey(seed: number): RandomKey {
  checkInteger('randomKey', 'seed', seed);
  const [low, high] = splitWords(seed);
  return { low, high };
}

/**
 * A key derived from `key` and an integer (a layer, the number of a draw), independent of `key` and
 * of every other derived key. Cost: one Philox block. Two of n derived keys coincide with
 * probability below n²·2⁻⁶⁵.
 *
 * @throws TypeError if `key` is no key, RangeError unless `value` is a safe integer ≥ 0.
 */
export function foldIn(key: RandomKey, value: number): RandomKey {
  checkKey('foldIn', key);
  checkInteger('foldIn', 'value', value);
  const [low, high] = splitWords(value);
  const words = new Uint32Array(4);
  philox4x32(Uint32Array.of(low, high, 0, DERIVATION), key.low, key.high, words);
  return { low: words[0], high: words[1] };
}

/** out[i] ← uₛ₊ᵢ, the 53-bit uniform number start + i of the key; two fill a block. */
function fill53Bits(key: RandomKey, out: Float64Array, start: number): void {
  const counter = Uint32Array.of(0, 0, 0, STREAM);
  const words = new Uint32Array(4);
  let block = Math.floor(start / 2);
  // A stream that starts in the middle of a block leaves its first number out.
  for (let i = -(start % 2); i < out.length; i += 2, block++) {
    counter[0] = block >>> 0;
    counter[1] = Math.floor(block / TWO_32);
    philox4x32(counter, key.low, key.high, words);
    if (i >= 0) out[i] = ((words[0] >>> 5) * TWO_26 + (words[1] >>> 6)) * ULP_UNIFORM;
    if (i + 1 < out.length) {
      out[i + 1] = ((words[2] >>> 5) * TWO_26 + (words[3] >>> 6)) * ULP_UNIFORM;
    }
  }
}

/** Numbers that are drawn at a time. */
const CHUNK = 512;

/** Calls `store` with chunks of uₛ, uₛ₊₁, …: `count` numbers that belong at `first`. */
function forChunks(
  where: string,
  key: RandomKey,
  length: number,
  start: number,
  store: (u: Float64Array, first: number, count: number) => void,
): void {
  checkInteger(where, 'start', start, 0, Number.MAX_SAFE_INTEGER - length);
  const chunk = new Float64Array(Math.min(CHUNK, length));
  for (let first = 0; first < length; first += chunk.length) {
    fill53Bits(key, chunk, start + first);
    store(chunk, first, Math.min(chunk.length, length - first));
  }
}

/**
 * out[i] ← uniform number `start + i` of the key's stream, on [0, 1).
 *
 * Multiples of 2⁻⁵³; in a Float32Array the same numbers cut (not rounded, which could give 1) to
 * multiples of 2⁻²⁴. A number depends on key and index alone: filling in parts, in any order, gives
 * what filling at once gives. Cost: half a Philox block an element.
 *
 * @throws TypeError if `key` is no key or `out` is neither array, RangeError unless `start` is an
 *   integer ≥ 0 with `start + out.length` a safe integer.
 */
export function fillUniform(
  key: RandomKey,
  out: Float32Array | Float64Array,
  start: number = 0,
): void {
  checkKey('fillUniform', key);
  checkOut('fillUniform', out);
  // A float32 takes the first 24 bits: rounding 53 could give 1.
  const isSingle = isTypedArray(out, 'float32');
  forChunks('fillUniform', key, out.length, start, (u, first, count) => {
    for (let i = 0; i < count; i++) {
      out[first + i] = isSingle ? Math.floor(u[i] * TWO_24) / TWO_24 : u[i];
    }
  });
}

const NORMAL_OPTIONS = /* @__PURE__ */ optionList({
  /** The standard deviation, of either sign (default 1). */
  scale: /* @__PURE__ */ finite.default(1),
});

/**
 * out[i] ← scale · normal number `start + i` of the key's stream, N(0, 1).
 *
 * Number i is the quantile at the middle of the cell [u, u + 2⁻⁵³) of uniform number i, so that it
 * is finite, symmetric and at most 8.3 in magnitude. A Float32Array holds the same numbers rounded
 * to nearest. Random access as in {@link fillUniform}. Cost: half a Philox block and a quantile an
 * element.
 *
 * @throws TypeError and RangeError as {@link fillUniform}, and RangeError for a `scale` that is not
 *   finite, or that makes numbers beyond the range of the array.
 */
export function fillNormal(
  key: RandomKey,
  out: Float32Array | Float64Array,
  options: {
    /** The factor that every number is multiplied by (default 1). */
    readonly scale?: number;
  } = {},
  start: number = 0,
): void {
  checkKey('fillNormal', key);
  checkOut('fillNormal', out);
  const { scale } = NORMAL_OPTIONS.read('fillNormal', options);
  const dtype: DType = isTypedArray(out, 'float32') ? 'float32' : 'float64';
  checkScalar('fillNormal', 'scale', scale, dtype);
  checkRange('fillNormal', 'a number', LARGEST_NORMAL * Math.abs(scale), dtype);
  forChunks('fillNormal', key, out.length, start, (u, first, count) => {
    for (let i = 0; i < count; i++) {
      // Both halves are exact: each middle is an odd multiple of 2⁻⁵⁴ not above ½.
      const upper = u[i] >= 0.5;
      const z = normalQuantile(upper ? 1 - u[i] - HALF_ULP_UNIFORM : u[i] + HALF_ULP_UNIFORM);
      out[first + i] = upper ? -scale * z : scale * z;
    }
  });
}

/**
 * A random permutation of 0 … n − 1; see {@link sampleWithoutReplacement}.
 *
 * @throws TypeError if `key` is no key, RangeError unless 0 ≤ n < 2³¹ is an integer.
 */
export function permutation(key: RandomKey, n: number): Int32Array {
  return sample('permutation', key, n, n);
}

/**
 * k distinct integers of 0 … n − 1, uniformly, in the order drawn: the first k of
 * {@link permutation}, so that a larger k extends a smaller one.
 *
 * Fisher and Yates's shuffle, step i taking ⌊uᵢ·(n−i)⌋ of the n−i that are left. A 53-bit uᵢ makes
 * each choice within 2⁻⁵² of its probability, and the whole permutation within n²·2⁻⁵³ of uniform
 * in total variation. Cost: O(k) memory and look-ups, k/2 Philox blocks.
 *
 * @throws TypeError if `key` is no key, RangeError unless 0 ≤ k ≤ n < 2³¹ are integers.
 */
export function sampleWithoutReplacement(key: RandomKey, n: number, k: number): Int32Array {
  return sample('sampleWithoutReplacement', key, n, k);
}

function sample(where: string, key: RandomKey, n: number, k: number): Int32Array {
  checkKey(where, key);
  checkInteger(where, 'n', n, 0, 0x7fffffff);
  checkInteger(where, 'k', k, 0, n);
  const u = new Float64Array(k);
  fillUniform(key, u);
  // Only what has left its place is kept: a small k costs nothing of a large n.
  const moved = new Map<number, number>();
  return Int32Array.from(u, (x, i) => {
    const j = i + Math.floor(x * (n - i));
    const picked = moved.get(j) ?? j;
    moved.set(j, moved.get(i) ?? i);
    return picked;
  });
}
