// What users call layers and parameters: by a name, or by what stands before a slash in it.

import { nearestName } from './nearest-name.js';

/** Whether `called` is `name`, or stands before a slash in it, as `head` does in `head/kernel`. */
export function isCalled(called: string, name: string | undefined): boolean {
  return name === called || name?.startsWith(`${called}/`) === true;
}

/**
 * Every one of `called` must be the name of something.
 *
 * @throws RangeError where one is not.
 */
export function checkCalled(
  where: string,
  option: string,
  called: readonly string[],
  names: readonly (string | undefined)[],
): void {
  const known = [...new Set(names.filter((name) => name !== undefined))];
  for (const one of called) {
    if (known.some((name) => isCalled(one, name))) continue;
    const nearest = nearestName(one, known);
    const advice = nearest === undefined ? '' : `; did you mean '${nearest}'?`;
    const expected =
      known.length === 0 ? 'no name, as nothing has one' : `one of ${known.join(', ')}`;
    throw new RangeError(`${where}: ${option} names '${one}', expected ${expected}${advice}`);
  }
}
