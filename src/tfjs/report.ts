// What an optimiser does with each variable of a model, and why.

import type { LayerVariable, layers } from '@tensorflow/tfjs';
import { checkType, isObject } from '../core/check.js';
import type { Diagnostics } from '../precondition/layer.js';
import { type CapturedBlock, MATRIX } from './captured.js';
import { layerTable } from './layers/index.js';
import type { Layer } from './layers/kind.js';
import { type Session, variableOf } from './session.js';
import type { TensorFlow, TensorFlowCore } from './tensorflow.js';

/** One variable of a model. */
export interface VariableReport {
  /** The name of the variable. */
  readonly variable: string;
  /** The name of its layer; of the weight where no model is asked about. */
  readonly layer: string;
  /** The shape of the variable. */
  readonly shape: readonly (number | null)[];
  /** The kind of layer under which its gradient is preconditioned, if it is. */
  readonly kind: string | undefined;
  /** Why its gradient is not preconditioned, if it is not. */
  readonly reason: string | undefined;
  /** p, the bias column included. This and the following: of weights alone, once a step was taken. */
  readonly inputs?: number;
  /** q. */
  readonly outputs?: number;
  /** r, where the inverse is of low rank. */
  readonly rank?: number | undefined;
  /** Bytes of the averages, the sketch and the inverse. */
  readonly bytes?: number;
}

/** What a report needs to know of the optimiser. */
interface ReportContext {
  /** Whether the optimiser preconditions layers. */
  readonly preconditions: boolean;
  /** Whether it does to any matrix what it does to the weights of layers. */
  readonly takesMatrices: boolean;
  /** Whether it uses curvature. */
  readonly curvature: boolean;
  /** The run, once a step was taken. */
  readonly session: Session | undefined;
  /** How the layers are preconditioned, by the names of their weights. */
  readonly diagnostics: readonly Diagnostics[];
}

/** A line for every variable that was trained so far, of whatever model, or of none. */
export function reportOnTrained(
  tf: TensorFlowCore,
  context: ReportContext,
): readonly VariableReport[] {
  return (context.session?.variables ?? []).map((name) => {
    const block = context.session?.blockOf(name);
    const found = {
      variable: name,
      layer: block?.weight ?? name,
      shape: variableOf(tf, name).shape,
    };
    if (preconditionsNothing(context)) return refused(found, plain(context));
    if (block !== undefined) return preconditioned(found, block, context);
    if (isMatrix(found, context)) return preconditioned(found, matrixOf(name), context);
    if (!context.preconditions) return refused(found, VECTOR);
    return refused(found, 'no layer or tap of a known kind has used it');
  });
}

/**
 * A line for every variable of `model`, in the order of its layers, those inside nested models,
 * wrappers and recurrent layers included.
 *
 * @throws TypeError where `model` is no model.
 */
export function reportOn(
  tf: TensorFlow,
  model: layers.Layer,
  context: ReportContext,
): readonly VariableReport[] {
  const fits = isObject(model) && 'weights' in model && Array.isArray(model.weights);
  checkType('report', 'model', model, fits, 'a model or a layer');
  const seen = new Set<string>();
  return leaves(model).flatMap((leaf) =>
    leaf.layer.weights.flatMap((variable) => {
      if (seen.has(variable.name)) return [];
      seen.add(variable.name);
      return [line(tf, { ...leaf, variable }, context)];
    }),
  );
}

/** A layer that has weights of its own. */
interface Leaf {
  readonly layer: Layer;
  /** Of a cell, that of the recurrent layer that it is in. */
  readonly name: string;
  /** Whether it is frozen, or what it is part of. */
  readonly frozen: boolean;
}

/** The layers inside a model, through nested models and whatever else applies layers. */
function leaves(layer: Layer, isInFrozen = false, recurrent?: string): Leaf[] {
  const frozen = isInFrozen || !layer.trainable;
  const inner = innerLayers(layer);
  if (inner.length === 0) return [{ layer, name: recurrent ?? layer.name, frozen }];
  const name = recurrent ?? ('cell' in layer ? layer.name : undefined);
  return inner.flatMap((one) => leaves(one, frozen, name));
}

/** What a model, a wrapper or a recurrent layer is made of. */
function innerLayers(layer: Layer): Layer[] {
  const parts = ['layers', 'layer', 'forwardLayer', 'backwardLayer', 'cell', 'cells'] as const;
  const inner = parts.flatMap((part): unknown[] =>
    part in layer ? [Reflect.get(layer, part)].flat() : [],
  );
  return inner.filter((value): value is Layer => isObject(value) && 'weights' in value);
}

type Found = Pick<VariableReport, 'variable' | 'layer' | 'shape'>;

const VECTOR = 'it is no matrix';
const NO_PART = 'it took no part in a step so far, or not in its loss';

function preconditionsNothing({ preconditions, takesMatrices }: ReportContext): boolean {
  return !preconditions && !takesMatrices;
}

/** A matrix that is a block by itself. */
function matrixOf(weight: string): Pick<CapturedBlock, 'kind' | 'weight'> {
  return { kind: MATRIX, weight };
}

/** Why nothing is preconditioned layer by layer. */
function plain({ curvature }: ReportContext): string {
  return curvature
    ? 'the optimizer scales it by the curvature of the loss, whatever its layer'
    : 'the optimizer preconditions nothing';
}

function line(
  tf: TensorFlow,
  { layer, name: layerName, frozen, variable }: Leaf & { readonly variable: LayerVariable },
  context: ReportContext,
): VariableReport {
  const { name, shape } = variable;
  const { session } = context;
  const found = { variable: name, layer: layerName, shape };
  if (preconditionsNothing(context)) return refused(found, plain(context));
  if (frozen) return refused(found, 'the layer is frozen');
  if (!variable.trainable) return refused(found, 'it is not trained');
  const captured = session?.blockOf(name);
  if (captured !== undefined) return preconditioned(found, captured, context);
  const known = context.preconditions ? layerTable(tf).find(layer) : undefined;
  const block = known?.blocks.find(({ weight, bias }) => [weight.name, bias?.name].includes(name));
  if (block === undefined && isMatrix(found, context)) {
    return preconditioned(found, matrixOf(name), context);
  }
  if (!context.preconditions) return refused(found, VECTOR);
  if (known === undefined) return refused(found, unknown(layer));
  if (block === undefined) {
    return refused(found, `it is no weight or bias that the kind '${known.kind}' knows`);
  }
  if (session === undefined) return { ...found, kind: known.kind, reason: undefined };
  return refused(
    found,
    session.blockOf(block.weight.name) === undefined
      ? NO_PART
      : 'layers share its weight, and have a bias each',
  );
}

/** Whether a variable is taken for the matrix that it is. */
function isMatrix({ shape }: Found, { takesMatrices }: ReportContext): boolean {
  return takesMatrices && shape.length > 1;
}

/** The line of a variable of a block, or of one that is to be. */
function preconditioned(
  found: Found,
  { kind, weight }: Pick<CapturedBlock, 'kind' | 'weight'>,
  { session, diagnostics }: ReportContext,
): VariableReport {
  if (session === undefined) return { ...found, kind, reason: undefined };
  const seen = diagnostics.find(({ layer }) => layer === weight);
  if (seen === undefined) {
    return refused(
      found,
      session.variables.includes(found.variable)
        ? 'the optimizer was told to leave its layer to the rest'
        : NO_PART,
    );
  }
  if (weight !== found.variable) return { ...found, kind, reason: undefined };
  const { inputs, outputs, rank, bytes } = seen;
  return { ...found, kind, reason: undefined, inputs, outputs, rank, bytes };
}

/** Why no kind of layer is known: a normalisation has no matrix to precondition. */
function unknown(layer: Layer): string {
  const name = layer.getClassName();
  return 'gamma' in layer && 'beta' in layer
    ? `${name} scales and shifts each feature alone, and trains with the rest`
    : `no kind of layer is known for ${name}`;
}

function refused(found: Found, reason: string): VariableReport {
  return { ...found, kind: undefined, reason };
}
