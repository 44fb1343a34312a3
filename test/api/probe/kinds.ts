// Kinds of arguments: what of the grid of bad values is good for each.

/** Whether a value may stand for an argument, and what it is made of. */
export interface Kind {
  readonly has: (value: unknown) => boolean;
  /** The properties of an object of options; no other is known, unless it is open. */
  readonly fields?: Readonly<Record<string, Kind>>;
  readonly open?: boolean;
  /** The elements of a list. */
  readonly element?: Kind;
}

/** Numbers, finite ones, that pass. */
function numbers(test: (value: number) => boolean): Kind {
  return { has: (value) => typeof value === 'number' && Number.isFinite(value) && test(value) };
}

/** Nothing of the grid. */
export const own: Kind = { has: () => false };
export const real: Kind = numbers(() => true);
export const positive: Kind = numbers((x) => x > 0);
export const nonNegative: Kind = numbers((x) => x >= 0);
export const fraction: Kind = numbers((x) => x >= 0 && x < 1);
export const unit: Kind = numbers((x) => x >= 0 && x <= 1);
export const flag: Kind = { has: (value) => typeof value === 'boolean' };
export const text: Kind = { has: (value) => typeof value === 'string' };
export const callable: Kind = { has: (value) => typeof value === 'function' };

/** What `restoreState` takes. */
export const RESTORE_KINDS: Readonly<Record<string, Kind>> = {
  saved: parts({ version: own, run: own, entries: own }),
  options: optional(record({ accept: optional(that((v) => Array.isArray(v) && v.length === 0)) })),
};

export function integer(min = 0, max = Number.MAX_SAFE_INTEGER): Kind {
  return numbers((x) => Number.isSafeInteger(x) && x >= min && x <= max);
}

/** One of the words, none of which is in the grid. */
export const word: Kind = { has: () => false };

/** What `has` accepts. */
export function that(has: (value: unknown) => boolean): Kind {
  return { has };
}

export function optional(kind: Kind): Kind {
  return { ...kind, has: (value) => value === undefined || kind.has(value) };
}

export function either(...kinds: readonly Kind[]): Kind {
  return { has: (value) => kinds.some((kind) => kind.has(value)) };
}

/** An object with these parts, which may have others. */
export function parts(fields: Readonly<Record<string, Kind>>): Kind {
  return { ...record(fields), open: true };
}

/** An object with these properties, the empty one where all are optional. */
export function record(fields: Readonly<Record<string, Kind>>): Kind {
  const mayBeEmpty = Object.values(fields).every(({ has }) => has(undefined));
  return { fields, has: (value) => mayBeEmpty && isEmpty(value) };
}

export function list(element: Kind): Kind {
  return { element, has: () => false };
}

function isEmpty(value: unknown): boolean {
  return (
    Object.prototype.toString.call(value) === '[object Object]' &&
    Object.keys(Object(value)).length === 0
  );
}
