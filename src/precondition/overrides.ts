// Options that differ from layer to layer.

import { checkCalled, isCalled } from '../core/called.js';
import type { DType } from '../core/dtype.js';
import {
  type Entries,
  guarded,
  type Option,
  type OptionList,
  type OptionsOf,
} from '../core/options.js';
import { checkDamping, type RelativeDamping } from './damping.js';
import type { LayerShape } from './method.js';

/**
 * Options of some layers in place of those of all: by the names of layers, or of what stands before a
 * slash in them; or a function of the layer, which gives undefined where nothing differs.
 */
export type Overrides<Options> =
  | Readonly<Record<string, Options>>
  | ((layer: LayerShape) => Options | undefined);

/** An option that holds overrides of `Options`, the options of a layer. */
export function overridesOf<Options extends object>(): Option<Overrides<Options>> {
  return guarded(
    'an object by names of layers, or a function of a layer',
    (value): value is Overrides<Options> =>
      typeof value === 'function' || Object.prototype.toString.call(value) === '[object Object]',
  );
}

/**
 * Overrides by name must be options of a layer, whatever layers there are.
 *
 * @throws RangeError or TypeError where one is unknown, of another type or out of range.
 */
export function checkOverrides<E extends Entries>(
  where: string,
  list: OptionList<E>,
  overrides: Overrides<OptionsOf<OptionList<E>>> | undefined,
): void {
  if (overrides === undefined || typeof overrides === 'function') return;
  for (const [name, own] of Object.entries(overrides)) {
    if (own !== undefined) list.load(where, own, `overrides of '${name}'`);
  }
}

/** What every method has of each layer. */
interface Damped {
  readonly damping: number | RelativeDamping;
}

/**
 * The settings of every layer: those of all, and over them what is given for it. Where several names are
 * its own, the later one counts.
 *
 * @throws RangeError or TypeError where an override is of no layer, no option of one, or out of range in
 *   `dtype`.
 */
export function settingsOfLayers<
  E extends Entries,
  Settings extends Damped & OptionsOf<OptionList<E>>,
>(
  where: string,
  list: OptionList<E>,
  settings: Settings & { readonly overrides?: Overrides<OptionsOf<OptionList<E>>> | undefined },
  layers: readonly LayerShape[],
  dtype: DType,
): readonly Settings[] {
  const { overrides = {} } = settings;
  if (typeof overrides !== 'function') {
    const names = layers.map(({ name }) => name);
    checkCalled(where, 'overrides', Object.keys(overrides), names);
  }
  return layers.map((layer) => {
    const given =
      typeof overrides === 'function'
        ? [overrides(layer)]
        : Object.entries(overrides).flatMap(([called, one]) =>
            isCalled(called, layer.name) ? [one] : [],
          );
    const name = `overrides of '${layer.name}'`;
    const loaded = given.map((one) => (one === undefined ? {} : list.load(where, one, name)));
    const own: Settings = Object.assign({}, settings, ...loaded);
    checkDamping(where, own.damping, dtype);
    list.checkIn(where, own, dtype);
    return own;
  });
}
