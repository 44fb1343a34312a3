// The optimisers of this library for TensorFlow.js: `tf` first, then options in words.

import type { serialization } from '@tensorflow/tfjs';
import { checkType, isObject } from '../core/check.js';
import {
  type MuonOptions,
  muon as muonTransform,
  type NewtonMuonOptions,
  newtonMuon as newtonMuonTransform,
} from '../optimize/muon.js';
import type { AdamOptions, AdamwOptions, SgdOptions } from '../optimize/optimizers.js';
import * as transforms from '../optimize/optimizers.js';
import {
  type NystromShampooOptimizerOptions,
  nystromShampoo as nystromShampooTransform,
  type ShampooOptimizerOptions,
  shampoo as shampooTransform,
} from '../optimize/shampoo.js';
import type {
  AdahessianOptions,
  MfacOptions,
  SketchySgdOptions,
  SoapOptions,
} from '../optimize/systems.js';
import * as systems from '../optimize/systems.js';
import type { Transform } from '../optimize/transform.js';
import { optionsOf } from './config.js';
import { optimizerClass } from './optimizer.js';
import { checkTensorFlow, type TensorFlowCore } from './tensorflow.js';
import type { TfjsOptimizer } from './tfjs-optimizer.js';

/** An optimiser that saved models can name. */
export interface OptimizerDefinition {
  /** The name in saved models, without underscores: TensorFlow.js rewrites names that have some. */
  readonly className: string;
  /** Makes the transform. The options may come from a file, so this is what has to check them. */
  make(options: object): Transform;
}

/**
 * The optimisers of this library. TensorFlow.js has one table of names for layers, optimisers and all
 * else, its own 'SGD' and 'Adam' among them, hence the prefix.
 */
const DEFINITIONS = {
  sgd: { className: 'NysactSgd', make: transforms.sgd },
  adam: { className: 'NysactAdam', make: transforms.adam },
  adamw: { className: 'NysactAdamw', make: transforms.adamw },
  adahessian: { className: 'NysactAdahessian', make: systems.adahessian },
  sketchySgd: { className: 'NysactSketchySgd', make: systems.sketchySgd },
  nysact: { className: 'Nysact', make: transforms.nysact },
  foof: { className: 'NysactFoof', make: transforms.foof },
  kfac: { className: 'NysactKfac', make: transforms.kfac },
  eva: { className: 'NysactEva', make: transforms.eva },
  ekfac: { className: 'NysactEkfac', make: systems.ekfac },
  skfac: { className: 'NysactSkfac', make: systems.skfac },
  mfac: { className: 'NysactMfac', make: systems.mfac },
  soap: { className: 'NysactSoap', make: systems.soap },
  shampoo: { className: 'NysactShampoo', make: shampooTransform },
  nystromShampoo: { className: 'NysactNystromShampoo', make: nystromShampooTransform },
  muon: { className: 'NysactMuon', make: muonTransform },
  newtonMuon: { className: 'NysactNewtonMuon', make: newtonMuonTransform },
} satisfies Readonly<Record<string, OptimizerDefinition>>;

/** What TensorFlow.js makes an optimiser of, with options in the program or in a saved model. */
interface SavedClass {
  new (options: object): TfjsOptimizer;
  readonly className: string;
  readonly fromConfig: serialization.FromConfigMethod<TfjsOptimizer>;
}

/**
 * NysAct for TensorFlow.js: SGD on P = G(Â + ρI)⁻¹ for every known layer, with Â the Nyström
 * approximation of its activation second moment. Options and cost are those of `nysact` in the main
 * entry, which makes a Transform; see {@link makeOptimizer} for what is preconditioned.
 *
 * `model.save(…, { includeOptimizer: true })` saves options and state, and `tf.loadLayersModel` finds
 * them after `registerOptimizers(tf)`. In options by name (`skip`, `overrides`, `decays`) name layers, not
 * variables, whose names TensorFlow.js numbers anew when it loads. Options that are functions cannot be
 * saved so: then save the model alone and what `exportState()` gives, and call `restoreState` after
 * compiling.
 *
 * @example
 * model.compile({ optimizer: nysact(tf, { rank: 10, damping: 1 }), loss: 'meanSquaredError' });
 * @param tf TensorFlow.js itself, the copy that makes the model.
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function nysact(
  tf: TensorFlowCore,
  options: transforms.NysactOptimizerOptions = {},
): TfjsOptimizer {
  return make('nysact', tf, options);
}

/**
 * FOOF for TensorFlow.js: SGD on P = G(Ā + ρI)⁻¹. For the rest see {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function foof(
  tf: TensorFlowCore,
  options: transforms.FoofOptimizerOptions = {},
): TfjsOptimizer {
  return make('foof', tf, options);
}

/**
 * KFAC for TensorFlow.js: SGD on the Kronecker-factored natural gradient. See {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function kfac(
  tf: TensorFlowCore,
  options: transforms.KfacOptimizerOptions = {},
): TfjsOptimizer {
  return make('kfac', tf, options);
}

/**
 * Eva for TensorFlow.js: SGD on KFAC with factors of rank one. See {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function eva(
  tf: TensorFlowCore,
  options: transforms.EvaOptimizerOptions = {},
): TfjsOptimizer {
  return make('eva', tf, options);
}

/**
 * EKFAC for TensorFlow.js: KFAC's eigenbases with second moments of their own. See {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function ekfac(
  tf: TensorFlowCore,
  options: systems.EkfacOptimizerOptions = {},
): TfjsOptimizer {
  return make('ekfac', tf, options);
}

/**
 * SKFAC for TensorFlow.js: KFAC with the factors of the last batch alone. See {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function skfac(
  tf: TensorFlowCore,
  options: systems.SkfacOptimizerOptions = {},
): TfjsOptimizer {
  return make('skfac', tf, options);
}

/**
 * Shampoo for TensorFlow.js: SGD on P = (L + ρI)^(−1/4)·G·(R + ρI)^(−1/4), for every variable of at least two axes,
 * of a known layer or not. For the rest see {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function shampoo(tf: TensorFlowCore, options: ShampooOptimizerOptions = {}): TfjsOptimizer {
  return make('shampoo', tf, options);
}

/**
 * One-sided Nyström Shampoo for TensorFlow.js: SGD on P = G(Â + ρI)^(−1/2) with Â ≈ GᵀG from a sketch, for every
 * variable of at least two axes, of a known layer or not. For the rest see {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function nystromShampoo(
  tf: TensorFlowCore,
  options: NystromShampooOptimizerOptions = {},
): TfjsOptimizer {
  return make('nystromShampoo', tf, options);
}

/**
 * Muon for TensorFlow.js: momentum, orthogonalised, for every variable of at least two axes, of which the last is
 * one side of the matrix. It looks at no layers. For the rest see {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function muon(tf: TensorFlowCore, options: MuonOptions = {}): TfjsOptimizer {
  return make('muon', tf, options);
}

/**
 * Muon behind NysAct's preconditioner for TensorFlow.js: known layers are preconditioned by what enters them, and
 * then go through Muon, as all other variables of at least two axes do. For the rest see {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function newtonMuon(tf: TensorFlowCore, options: NewtonMuonOptions = {}): TfjsOptimizer {
  return make('newtonMuon', tf, options);
}

/**
 * SGD with momentum and weight decay for TensorFlow.js.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function sgd(tf: TensorFlowCore, options: SgdOptions = {}): TfjsOptimizer {
  return make('sgd', tf, options);
}

/**
 * Adam for TensorFlow.js.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function adam(tf: TensorFlowCore, options: AdamOptions = {}): TfjsOptimizer {
  return make('adam', tf, options);
}

/**
 * AdamW, Adam with decoupled weight decay, for TensorFlow.js.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function adamw(tf: TensorFlowCore, options: AdamwOptions = {}): TfjsOptimizer {
  return make('adamw', tf, options);
}

/**
 * M-FAC, with the empirical Fisher matrix of the last gradients, for TensorFlow.js.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function mfac(tf: TensorFlowCore, options: MfacOptions = {}): TfjsOptimizer {
  return make('mfac', tf, options);
}

/**
 * SOAP, Adam in the eigenbases of Shampoo's factors, for TensorFlow.js.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function soap(tf: TensorFlowCore, options: SoapOptions = {}): TfjsOptimizer {
  return make('soap', tf, options);
}

/**
 * AdaHessian for TensorFlow.js, with products of the Hessian by central differences of gradients: see
 * {@link TfjsOptimizer.applyGradients}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function adahessian(tf: TensorFlowCore, options: AdahessianOptions = {}): TfjsOptimizer {
  return make('adahessian', tf, options);
}

/**
 * SketchySGD for TensorFlow.js, with products of the Hessian by central differences of gradients: see
 * {@link TfjsOptimizer.applyGradients}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function sketchySgd(tf: TensorFlowCore, options: SketchySgdOptions = {}): TfjsOptimizer {
  return make('sketchySgd', tf, options);
}

/**
 * Makes the optimisers of this library known to TensorFlow.js, so that `tf.loadLayersModel` can
 * restore a model that was saved with `includeOptimizer: true`, and training goes on bit for bit.
 *
 * To be called before such a model is loaded, in the process that loads it; saving needs no call.
 * Nothing else registers them: what loads a model should not depend on what was trained before.
 * Further calls do nothing. As ever in TensorFlow.js, disposing of a loaded model leaves its
 * optimiser (`model.optimizer`) to be disposed of.
 *
 * Loading throws a RangeError or TypeError that names the option where a saved one is unknown, of
 * another type, or out of range. Whether the state fits the model is checked at the first step.
 *
 * @example
 * registerOptimizers(tf);
 * const model = await tf.loadLayersModel('indexeddb://digits');
 * await model.fit(x, y);
 * @param tf TensorFlow.js itself, the copy that loads the model.
 * @throws TypeError where it is missing.
 */
export function registerOptimizers(tf: TensorFlowCore): void {
  checkTensorFlow('registerOptimizers', tf);
  for (const [name, definition] of Object.entries(DEFINITIONS)) {
    register(tf, savedClass(tf, definition, name));
  }
}

/**
 * Makes an optimiser of one's own known to TensorFlow.js, as {@link registerOptimizers} does with those
 * of this library.
 *
 * @example
 * const options = { learningRate: 0.1 };
 * registerOptimizer(tf, { className: 'Clipped', make: clipped });
 * const optimizer = makeOptimizer(tf, clipped(options), { className: 'Clipped', config: options });
 * @throws TypeError where `tf` or a part of the definition is missing, RangeError where the name has an
 *   underscore.
 */
export function registerOptimizer(tf: TensorFlowCore, definition: OptimizerDefinition): void {
  const where = 'registerOptimizer';
  checkTensorFlow(where, tf);
  checkType(where, 'definition', definition, isObject(definition), 'an object');
  const { className } = definition;
  checkType(where, 'className', className, typeof className === 'string', 'a string');
  const maker: unknown = Reflect.get(definition, 'make');
  checkType(where, 'make', maker, typeof maker === 'function', 'a function of the options');
  if (className.includes('_')) {
    throw new RangeError(`${where}: className is '${className}', expected no underscore`);
  }
  register(tf, savedClass(tf, definition, className));
}

function make(name: keyof typeof DEFINITIONS, tf: TensorFlowCore, options: object): TfjsOptimizer {
  checkTensorFlow(name, tf);
  return new (savedClass(tf, DEFINITIONS[name], name))(options);
}

/** The class of a definition; messages call it `name`. Its constructor throws on bad options. */
function savedClass(tf: TensorFlowCore, definition: OptimizerDefinition, name: string): SavedClass {
  const { className } = definition;
  return class extends optimizerClass(tf) {
    static readonly className = className;

    static fromConfig(
      cls: serialization.SerializableConstructor<TfjsOptimizer>,
      config: serialization.ConfigDict,
    ): TfjsOptimizer {
      return new cls(optionsOf(config));
    }

    constructor(options: object) {
      super(definition.make(options), { className, config: { ...options } }, name);
    }
  };
}

/** A class that is registered anew stays in TensorFlow.js's tables beside the old one, for ever. */
function register(tf: TensorFlowCore, known: SavedClass): void {
  const { SerializationMap, registerClass } = tf.serialization;
  if (known.className in SerializationMap.getMap().classNameMap) return;
  registerClass(known);
}
