// Normal numbers from Philox4x32-10 and the AS 241 quantile, to the bits of src/core/random.ts.

import { address } from './product';

const MULTIPLIER_0: i32 = 0xd2511f53;
const MULTIPLIER_1: i32 = 0xcd9e8d57;
const WEYL_0: u32 = 0x9e3779b9;
const WEYL_1: u32 = 0xbb67ae85;
const ULP: f64 = 1.0 / 9007199254740992.0; // 2⁻⁵³
const TWO_52: f64 = 4503599627370496.0;

/** The central branch of the quantile holds up to this |q|. */
const CENTRE: f64 = 0.425;

/** Numbers that are made at a time, a multiple of 8. */
const CHUNK = 128;

/**
 * S (p×r) ← scale·z, column by column: element (i, j) is normal number j·p + i of the key.
 *
 * Every number gets the quantile of the centre, two at a time and without a branch. The three of twenty
 * that lie in the tails are gathered on the way, and get theirs afterwards.
 */
export function fillNormal<T>(
  keyLow: u32,
  keyHigh: u32,
  scale: f64,
  p: i32,
  r: i32,
  S: usize,
  work: usize,
): void {
  const z = work;
  const tails = z + (CHUNK + 2) * 8;
  const places = tails + (CHUNK + 2) * 8;
  const row = address<T>(1, r, 0, 1);
  let to = S;
  let i = 0;
  let j = 0;
  const count = <i64>p * <i64>r;
  for (let first: i64 = 0; first < count; first += CHUNK) {
    const numbers = <i32>min<i64>(CHUNK, count - first);
    let tailed = 0;
    for (let k = 0; k < numbers; k += 8) {
      offsets(<u64>((first + k) >> 1), keyLow, keyHigh, z + k * 8);
      for (let l = k; l < k + 8; l += 2) {
        const q = v128.load(z + l * 8);
        v128.store(z + l * 8, centralQuantiles(q));
        const outside = f64x2.gt(f64x2.abs(q), f64x2.splat(CENTRE));
        v128.store64_lane(tails + tailed * 8, q, 0);
        store<i32>(places + tailed * 4, l);
        tailed -= <i32>i64x2.extract_lane(outside, 0);
        v128.store64_lane(tails + tailed * 8, q, 1);
        store<i32>(places + tailed * 4, l + 1);
        tailed -= <i32>i64x2.extract_lane(outside, 1);
      }
    }
    // They go by twos: behind the last comes one that belongs nowhere.
    store<f64>(tails + tailed * 8, CENTRE);
    store<i32>(places + tailed * 4, CHUNK);
    for (let k = 0; k < tailed; k += 2) {
      const quantiles = tailQuantiles(v128.load(tails + k * 8));
      v128.store64_lane(z + load<i32>(places + k * 4) * 8, quantiles, 0);
      v128.store64_lane(z + load<i32>(places + k * 4, 4) * 8, quantiles, 1);
    }
    for (let k = 0; k < numbers; k++) {
      store<T>(to, <T>(scale * load<f64>(z + k * 8)));
      to += row;
      if (++i == p) {
        i = 0;
        to = S + address<T>(0, r, ++j, 1);
      }
    }
  }
}

/**
 * The eight numbers of `block`, a multiple of 4, and the three after it: of each uniform number's interval
 * the middle m, as q = m − ½, which is exact: a multiple of 2⁻⁵⁴.
 */
function offsets(block: u64, keyLow: u32, keyHigh: u32, q: usize): void {
  let c0 = i32x4.add(i32x4.splat(<i32>block), i32x4(0, 1, 2, 3));
  let c1 = i32x4.splat(<i32>(block >> 32));
  let c2 = i32x4.splat(0);
  let c3 = i32x4.splat(0);
  const multiplier0 = i32x4.splat(MULTIPLIER_0);
  const multiplier1 = i32x4.splat(MULTIPLIER_1);
  for (let round = 0; round < 10; round++) {
    const front0 = i64x2.extmul_low_i32x4_u(c0, multiplier0);
    const back0 = i64x2.extmul_high_i32x4_u(c0, multiplier0);
    const front1 = i64x2.extmul_low_i32x4_u(c2, multiplier1);
    const back1 = i64x2.extmul_high_i32x4_u(c2, multiplier1);
    c0 = v128.xor(v128.xor(upperWords(front1, back1), c1), i32x4.splat(keyLow));
    c1 = lowerWords(front1, back1);
    c2 = v128.xor(v128.xor(upperWords(front0, back0), c3), i32x4.splat(keyHigh));
    c3 = lowerWords(front0, back0);
    keyLow += WEYL_0;
    keyHigh += WEYL_1;
  }
  for (let pair = 0; pair < 2; pair++) {
    const even = centred(c0, c1);
    const odd = centred(c2, c3);
    v128.store(q, v128.shuffle<f64>(even, odd, 0, 2));
    v128.store(q, v128.shuffle<f64>(even, odd, 1, 3), 16);
    q += 32;
    c0 = v128.shuffle<i32>(c0, c0, 2, 3, 2, 3);
    c1 = v128.shuffle<i32>(c1, c1, 2, 3, 2, 3);
    c2 = v128.shuffle<i32>(c2, c2, 2, 3, 2, 3);
    c3 = v128.shuffle<i32>(c3, c3, 2, 3, 2, 3);
  }
}

@inline function lowerWords(front: v128, back: v128): v128 {
  return v128.shuffle<i32>(front, back, 0, 2, 4, 6);
}

@inline function upperWords(front: v128, back: v128): v128 {
  return v128.shuffle<i32>(front, back, 1, 3, 5, 7);
}

/** 53 bits of two words, from the first two lanes: the middle of their interval less ½. */
@inline function centred(high: v128, low: v128): v128 {
  const leading = f64x2.convert_low_i32x4_s(i32x4.shr_u(high, 5));
  const trailing = f64x2.convert_low_i32x4_s(i32x4.shr_u(low, 6));
  const bits = f64x2.add(f64x2.mul(leading, f64x2.splat(67108864.0)), trailing);
  const u = f64x2.mul(bits, f64x2.splat(ULP));
  return f64x2.add(f64x2.sub(u, f64x2.splat(0.5)), f64x2.splat(ULP / 2.0));
}

/** Both lanes' polynomial of degree 7; each rounds as a scalar does. */
@inline function horner(
  x: v128, c0: f64, c1: f64, c2: f64, c3: f64, c4: f64, c5: f64, c6: f64, c7: f64,
): v128 {
  let sum = f64x2.splat(c7);
  sum = next(sum, x, c6);
  sum = next(sum, x, c5);
  sum = next(sum, x, c4);
  sum = next(sum, x, c3);
  sum = next(sum, x, c2);
  sum = next(sum, x, c1);
  return next(sum, x, c0);
}

/** One step of Horner's scheme: sum·x + c. */
@inline function next(sum: v128, x: v128, c: f64): v128 {
  return f64x2.add(f64x2.mul(sum, x), f64x2.splat(c));
}

/** The quantiles of ½ + q for |q| ≤ 0.425, which are odd functions of q. */
@inline function centralQuantiles(q: v128): v128 {
  const t = f64x2.sub(f64x2.splat(0.180625), f64x2.mul(q, q));
  const numerator = horner(
    t, 3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946,
    45921.95393154987, 67265.7709270087, 33430.57558358813, 2509.0809287301227,
  );
  const denominator = horner(
    t, 1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597,
    39307.89580009271, 28729.085735721943, 5226.495278852854,
  );
  return f64x2.div(f64x2.mul(q, numerator), denominator);
}

/** The quantiles of ½ + q for larger |q|. */
function tailQuantiles(q: v128): v128 {
  const sign = f64x2.splat(-0.0);
  const r = f64x2.sqrt(f64x2.neg(logOfProbability(f64x2.sub(f64x2.splat(0.5), f64x2.abs(q)))));
  const far = f64x2.gt(r, f64x2.splat(5));
  let z = nearQuantiles(r);
  // One number of 10¹⁰ lies that far out.
  if (v128.any_true(far)) z = v128.bitselect(farQuantiles(r), z, far);
  return v128.bitselect(q, z, sign);
}

/** How far from 0 the quantile of a probability of exp(−r²) is, for r ≤ 5. */
@inline function nearQuantiles(r: v128): v128 {
  const t = f64x2.sub(r, f64x2.splat(1.6));
  return f64x2.div(
    horner(
      t, 1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045,
      1.2704582524523684, 0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
    ),
    horner(
      t, 1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008,
      0.015198666563616457, 0.0005475938084995345, 1.0507500716444169e-9,
    ),
  );
}

/** The same for larger r. */
@inline function farQuantiles(r: v128): v128 {
  const t = f64x2.sub(r, f64x2.splat(5));
  return f64x2.div(
    horner(
      t, 6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487,
      0.026532189526576124, 0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
    ),
    horner(
      t, 1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
      1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15,
    ),
  );
}

/** ln x for normal 0 < x < ½: x = m·2ᵉ exactly with √½ ≤ m < √2, ln m = 2·atanh((m−1)/(m+1)). */
@inline function logOfProbability(x: v128): v128 {
  // The exponent's bits as the last ones of 2⁵² + exponent.
  const exponent = f64x2.sub(
    v128.or(i64x2.shr_u(x, 52), f64x2.splat(TWO_52)),
    f64x2.splat(TWO_52 + 1023.0),
  );
  const fraction = v128.bitselect(x, f64x2.splat(1), i64x2.splat(0x000fffffffffffff));
  const large = f64x2.ge(fraction, f64x2.splat(1.4142135623730951));
  const m = v128.bitselect(f64x2.mul(fraction, f64x2.splat(0.5)), fraction, large);
  const e = f64x2.add(exponent, v128.and(large, f64x2.splat(1)));
  const s = f64x2.div(f64x2.sub(m, f64x2.splat(1)), f64x2.add(m, f64x2.splat(1)));
  const t = f64x2.mul(s, s);
  // Coefficients of atanh(s)/s in s².
  let sum = f64x2.splat(1.0 / 21.0);
  sum = next(sum, t, 1.0 / 19.0);
  sum = next(sum, t, 1.0 / 17.0);
  sum = next(sum, t, 1.0 / 15.0);
  sum = next(sum, t, 1.0 / 13.0);
  sum = next(sum, t, 1.0 / 11.0);
  sum = next(sum, t, 1.0 / 9.0);
  sum = next(sum, t, 1.0 / 7.0);
  sum = next(sum, t, 1.0 / 5.0);
  sum = next(sum, t, 1.0 / 3.0);
  sum = next(sum, t, 1.0);
  const ofFraction = f64x2.mul(f64x2.mul(f64x2.splat(2), s), sum);
  const lower = f64x2.add(ofFraction, f64x2.mul(e, f64x2.splat(1.9082149292705877e-10)));
  return f64x2.add(f64x2.mul(e, f64x2.splat(0.6931471803691238)), lower);
}
