// Normal numbers from Philox4x32-10 and the AS 241 quantile, to the bits of src/core/random.ts.

import { address } from './product';

const MULTIPLIER_0: u64 = 0xd2511f53;
const MULTIPLIER_1: u64 = 0xcd9e8d57;
const WEYL_0: u32 = 0x9e3779b9;
const WEYL_1: u32 = 0xbb67ae85;
const ULP: f64 = 1.0 / 9007199254740992.0; // 2⁻⁵³

/**
 * S (p×r) ← scale·z, column by column: element (i, j) is normal number j·p + i of the key. `words` takes
 * four u32: one block of the stream, which makes two numbers.
 */
export function fillNormal<T>(
  keyLow: u32,
  keyHigh: u32,
  scale: f64,
  p: i32,
  r: i32,
  S: usize,
  words: usize,
): void {
  const count = <i64>p * <i64>r;
  let i = 0;
  let j = 0;
  for (let index: i64 = 0; index < count; index += 2) {
    philox(<u64>(index >> 1), keyLow, keyHigh, words);
    // q = m − ½ for the middle m of each uniform number's interval, exactly: multiples of 2⁻⁵⁴.
    const q0 = uniform(words) - 0.5 + ULP / 2.0;
    const q1 = uniform(words + 8) - 0.5 + ULP / 2.0;
    const z = centralQuantiles(q0, q1);
    // Three of twenty numbers lie in the tails.
    const z0 = abs<f64>(q0) > CENTRE ? tailQuantile(q0) : f64x2.extract_lane(z, 0);
    store<T>(S + address<T>(i, r, j, 1), <T>(scale * z0));
    if (++i == p) {
      i = 0;
      j++;
    }
    if (index + 1 == count) break;
    const z1 = abs<f64>(q1) > CENTRE ? tailQuantile(q1) : f64x2.extract_lane(z, 1);
    store<T>(S + address<T>(i, r, j, 1), <T>(scale * z1));
    if (++i == p) {
      i = 0;
      j++;
    }
  }
}

/** 53 bits of two words, in [0, 1). */
@inline function uniform(words: usize): f64 {
  return (<f64>(load<u32>(words) >> 5) * 67108864.0 + <f64>(load<u32>(words, 4) >> 6)) * ULP;
}

/** Block number `block` of the stream of a key. */
function philox(block: u64, keyLow: u32, keyHigh: u32, words: usize): void {
  let c0 = <u32>block;
  let c1 = <u32>(block >> 32);
  let c2: u32 = 0;
  let c3: u32 = 0;
  for (let round = 0; round < 10; round++) {
    const product0 = MULTIPLIER_0 * <u64>c0;
    const product1 = MULTIPLIER_1 * <u64>c2;
    c0 = <u32>(product1 >> 32) ^ c1 ^ keyLow;
    c1 = <u32>product1;
    c2 = <u32>(product0 >> 32) ^ c3 ^ keyHigh;
    c3 = <u32>product0;
    keyLow += WEYL_0;
    keyHigh += WEYL_1;
  }
  store<u32>(words, c0);
  store<u32>(words, c1, 4);
  store<u32>(words, c2, 8);
  store<u32>(words, c3, 12);
}

/** The central branch of the quantile holds up to this |q|. */
const CENTRE: f64 = 0.425;

@inline function horner(
  x: f64, c0: f64, c1: f64, c2: f64, c3: f64, c4: f64, c5: f64, c6: f64, c7: f64,
): f64 {
  return ((((((c7 * x + c6) * x + c5) * x + c4) * x + c3) * x + c2) * x + c1) * x + c0;
}

/** The same in both lanes; each rounds as the scalar does. */
@inline function horner2(
  x: v128, c0: f64, c1: f64, c2: f64, c3: f64, c4: f64, c5: f64, c6: f64, c7: f64,
): v128 {
  let sum = f64x2.add(f64x2.mul(f64x2.splat(c7), x), f64x2.splat(c6));
  sum = f64x2.add(f64x2.mul(sum, x), f64x2.splat(c5));
  sum = f64x2.add(f64x2.mul(sum, x), f64x2.splat(c4));
  sum = f64x2.add(f64x2.mul(sum, x), f64x2.splat(c3));
  sum = f64x2.add(f64x2.mul(sum, x), f64x2.splat(c2));
  sum = f64x2.add(f64x2.mul(sum, x), f64x2.splat(c1));
  return f64x2.add(f64x2.mul(sum, x), f64x2.splat(c0));
}

/** The quantiles of ½ + q for |q| ≤ 0.425, which are odd functions of q. */
@inline function centralQuantiles(q0: f64, q1: f64): v128 {
  const q = f64x2.replace_lane(f64x2.splat(q0), 1, q1);
  const t = f64x2.sub(f64x2.splat(0.180625), f64x2.mul(q, q));
  const numerator = horner2(
    t, 3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946,
    45921.95393154987, 67265.7709270087, 33430.57558358813, 2509.0809287301227,
  );
  const denominator = horner2(
    t, 1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597,
    39307.89580009271, 28729.085735721943, 5226.495278852854,
  );
  return f64x2.div(f64x2.mul(q, numerator), denominator);
}

/** The quantile of ½ + q for larger |q|. */
function tailQuantile(q: f64): f64 {
  return copysign<f64>(distance(0.5 - abs<f64>(q)), q);
}

/** How far from 0 the quantile of a small p is. */
function distance(p: f64): f64 {
  const r = sqrt<f64>(-logOfProbability(p));
  if (r <= 5.0) {
    const t = r - 1.6;
    return (
      horner(
        t, 1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045,
        1.2704582524523684, 0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
      ) /
      horner(
        t, 1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008,
        0.015198666563616457, 0.0005475938084995345, 1.0507500716444169e-9,
      )
    );
  }
  const t = r - 5.0;
  return (
    horner(
      t, 6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487,
      0.026532189526576124, 0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
    ) /
    horner(
      t, 1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
      1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15,
    )
  );
}

/** ln x for 0 < x ≤ 1: x = m·2ᵉ exactly, ln m = 2·atanh((m−1)/(m+1)). */
function logOfProbability(x: f64): f64 {
  let m = x;
  let e: f64 = 0;
  while (m < 0.7071067811865476) {
    m *= 2.0;
    e -= 1.0;
  }
  const s = (m - 1.0) / (m + 1.0);
  const t = s * s;
  // Coefficients of atanh(s)/s in s².
  let sum = 1.0 / 21.0;
  sum = sum * t + 1.0 / 19.0;
  sum = sum * t + 1.0 / 17.0;
  sum = sum * t + 1.0 / 15.0;
  sum = sum * t + 1.0 / 13.0;
  sum = sum * t + 1.0 / 11.0;
  sum = sum * t + 1.0 / 9.0;
  sum = sum * t + 1.0 / 7.0;
  sum = sum * t + 1.0 / 5.0;
  sum = sum * t + 1.0 / 3.0;
  sum = sum * t + 1.0;
  return e * 0.6931471803691238 + (2.0 * s * sum + e * 1.9082149292705877e-10);
}
