// What the command line names, among what there is.

/**
 * Those of `known` whose keys `keys` lists, parted by commas.
 *
 * @throws RangeError where one is unknown.
 */
export function chosen<T extends { readonly key: string }>(
  option: string,
  keys: string,
  known: readonly T[],
): T[] {
  return keys.split(',').map((key) => {
    const found = known.find((one) => one.key === key);
    if (found !== undefined) return found;
    throw new RangeError(`--${option}: '${key}' is unknown, expected some of ${keysOf(known)}`);
  });
}

/** All keys, as the command line would list them. */
export function keysOf(known: readonly { readonly key: string }[]): string {
  return known.map(({ key }) => key).join(',');
}
