// The standard normal quantile, the same bits on every engine: + − × ÷ √ and nothing else.
// (The last bits of Math.log, Math.exp and Math.cos differ between engines.)

/** ln 2 in two parts; the first has 21 trailing zero bits, so that its small multiples are exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** Coefficients of atanh(s)/s in s²: 1, 1/3, … 1/21. The next term is below 2⁻⁶⁰ of the sum. */
const ATANH = Array.from({ length: 11 }, (_, i) => 1 / (2 * i + 1));

// Numerators and denominators of AS 241, PPND16, lowest power first.
const CENTRE_P = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
  67265.7709270087, 33430.57558358813, 2509.0809287301227,
];
const CENTRE_Q = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
  28729.085735721943, 5226.495278852854,
];
const NEAR_P = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
  0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
];
const NEAR_Q = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008,
  0.015198666563616457, 0.0005475938084995345, 1.0507500716444169e-9,
];
const FAR_P = [
  6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487,
  0.026532189526576124, 0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
];
const FAR_Q = [
  1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
  1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15,
];

/** Σ cᵢxⁱ. */
export function horner(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i];
  return sum;
}

/** {@link horner} of eight coefficients, without its loop, to the same bits. */
function horner8(c: readonly number[], x: number): number {
  return (
    ((((((c[7] * x + c[6]) * x + c[5]) * x + c[4]) * x + c[3]) * x + c[2]) * x + c[1]) * x + c[0]
  );
}

/** ln x for 0 < x ≤ 1, within 2 ulp: x = m·2ᵉ exactly, ln m = 2·atanh((m−1)/(m+1)). */
export function logOfProbability(x: number): number {
  let m = x;
  let e = 0;
  while (m < Math.SQRT1_2) {
    m *= 2; // Exact; at most 1074 doublings, from the smallest subnormal.
    e -= 1;
  }
  const s = (m - 1) / (m + 1);
  return e * LN2_HIGH + (2 * s * horner(ATANH, s * s) + e * LN2_LOW);
}

/**
 * The standard normal quantile z with Φ(z) = p.
 *
 * Relative error below 2⁻⁵⁰; odd about p = ½ to the last bit. Cost: two polynomials
 * of degree 7, and outside 0.075 ≤ p ≤ 0.925 a logarithm and a square root.
 *
 * @throws RangeError unless 0 < p < 1.
 *
 * Source: Wichura, "Algorithm AS 241", Applied Statistics 37 (1988), routine PPND16, with a
 * logarithm of our own.
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`normalQuantile: p is ${p}, expected 0 < p < 1`);
  const q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) {
    const t = 0.180625 - q * q;
    return (q * horner8(CENTRE_P, t)) / horner8(CENTRE_Q, t);
  }
  const r = Math.sqrt(-logOfProbability(q < 0 ? p : 1 - p));
  const z =
    r <= 5
      ? horner8(NEAR_P, r - 1.6) / horner8(NEAR_Q, r - 1.6)
      : horner8(FAR_P, r - 5) / horner8(FAR_Q, r - 5);
  return q < 0 ? -z : z;
}
