// What comes next is made while what came last is in use.

/**
 * `make`, whose next so many results are under way when one is asked for. A result that is asked for out of turn
 * is made then. Errors come where their result is asked for.
 */
export function prefetched<T>(
  make: (index: number) => Promise<T>,
  ahead: number,
): (index: number) => Promise<T> {
  const underWay = new Map<number, Promise<T>>();
  return (index) => {
    for (const other of underWay.keys()) {
      if (other < index || other > index + ahead) underWay.delete(other);
    }
    for (let next = index; next <= index + ahead; next++) {
      if (underWay.has(next)) continue;
      const made = make(next);
      // Nobody may ever ask for it.
      made.catch(() => {});
      underWay.set(next, made);
    }
    const asked = underWay.get(index) ?? make(index);
    underWay.delete(index);
    return asked;
  };
}
