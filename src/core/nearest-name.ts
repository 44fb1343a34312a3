// What someone may have meant who wrote a name that does not exist.

/** Of a letter that was left out: short forms (lr, wd, eps) are as usual as slips are. */
const OMISSION = 1 / 20;

/** Of leaving out how a name begins, on top: short forms begin as their names do. */
const BEGINNING = 1 / 2;

/**
 * The name that `given` can be changed into most cheaply; undefined where even that would replace
 * more than a third of it. Upper and lower case are one.
 */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = given.length / 3;
  for (const name of names) {
    const cost = editDistance(given.toLowerCase(), name.toLowerCase());
    if (cost > least) continue;
    nearest = name;
    least = cost;
  }
  return nearest;
}

/** Levenshtein's distance, with omissions at their own price. */
function editDistance(given: string, name: string): number {
  let above = Array.from({ length: name.length + 1 }, (_, j) =>
    j === 0 ? 0 : BEGINNING + j * OMISSION,
  );
  for (const letter of given) {
    const row = [above[0] + 1];
    for (let j = 1; j <= name.length; j++) {
      const replaced = above[j - 1] + (letter === name[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, above[j] + 1, row[j - 1] + OMISSION));
    }
    above = row;
  }
  return above[name.length];
}
