// By how much NYSACT_SEED_SHIFT moves the seed of all random tests, for the configurations that say so.

/**
 * The shift that the environment asks for, 0 by default.
 *
 * @throws RangeError where it is no integer, or out of range.
 */
export function seedShift(): number {
  const shift = Number(process.env.NYSACT_SEED_SHIFT ?? 0);
  if (Number.isInteger(shift) && shift >= 0 && shift < 2 ** 30) return shift;
  throw new RangeError(`NYSACT_SEED_SHIFT is ${shift}, expected an integer >= 0 and < 2^30`);
}
