// Options as saved models hold them: what they are called, and what kinds of values they have.

type NamesOf<Options> = Options extends unknown ? keyof Options : never;

type ValueOf<Options, Name> = Options extends unknown
  ? Name extends keyof Options
    ? Options[Name]
    : never
  : never;

type Kind<Value> = Value extends number
  ? 'number'
  : Value extends boolean
    ? 'boolean'
    : Value extends string
      ? `'${Value}'`
      : never;

/**
 * For every option (of every variant) the kinds of values that a saved model can hold of it, written
 * as types are: 'number', 'boolean', or a choice in its quotes. Functions are none.
 */
export type Kinds<Options> = {
  readonly [Name in NamesOf<Options>]: readonly Kind<ValueOf<Options, Name>>[];
};

/** The options among the properties of `config`: only these have had an effect. */
export function knownOptions(kinds: object, config: object): object {
  const entries: readonly [string, unknown][] = Object.entries(config);
  return Object.fromEntries(
    entries.filter(([name, value]) => Object.hasOwn(kinds, name) && value !== undefined),
  );
}

/**
 * The options that a saved model holds; whether their values are in range is for whoever takes them.
 *
 * @param where Who reads them, for messages.
 * @throws RangeError for a name that is no option.
 * @throws TypeError for a value of another kind than the option's.
 */
export function readOptions<Options extends object>(
  where: string,
  kinds: Kinds<Options>,
  config: object,
): Options {
  // TensorFlow.js adds this one to every configuration that it reads.
  const own = Object.entries(config).filter(([name]) => name !== 'customObjects');
  const options = Object.fromEntries(own);
  checkOptions(where, kinds, options);
  return options;
}

function checkOptions<Options extends object>(
  where: string,
  kinds: Kinds<Options>,
  options: object,
): asserts options is Options {
  const known: ReadonlyMap<string, readonly string[]> = new Map(Object.entries(kinds));
  const entries: readonly [string, unknown][] = Object.entries(options);
  for (const [name, value] of entries) {
    const expected = known.get(name);
    if (expected === undefined) {
      throw new RangeError(
        `${where}: there is no option ${name}, expected some of ${[...known.keys()].join(', ')}`,
      );
    }
    const kind = typeof value === 'string' ? `'${value}'` : typeof value;
    if (expected.includes(kind)) continue;
    const given = typeof value === 'string' ? kind : JSON.stringify(value);
    throw new TypeError(`${where}: ${name} is ${given}, expected ${expected.join(' or ')}`);
  }
}
