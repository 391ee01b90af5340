/** What a plan means for an open checkpoint: the weights that it compresses, tied ones once, and what is not saved at all. */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import { CompressionError } from '../../compression/compressionError';
import { factorLayout, type FactorLayout } from '../../compression/factorLayout';
import { isFloatDType, type FloatDType } from '../../compression/narrow';
import { assertReplaceable } from '../../compression/storageNotes';
import type { SavedWeight } from '../../compression/writers/writer';
import { agreeing } from '../../shared/agreeing';
import { choiceProblem } from '../../shared/compression/choiceProblem';
import type { CompressionPlan, LayerChoice } from '../../shared/compression/plans';
import type { EngineDocument } from '../document/engineDocument';
import { choiceMatrix } from './compressLayer';
import type { TiedLayers } from './tiedLayers';

/**
 * In the checkpoint's order.
 *
 * @param dtype of new tensors; each layer's own without
 * @throws CompressionError `unsupported`, `unknown-layer`, `invalid-plan`; EngineError for what has no matrix
 */
export function planWeights(
  document: EngineDocument,
  plan: CompressionPlan,
  dtype: FloatDType | undefined,
  tied: TiedLayers,
): { weights: SavedWeight[]; notes: string[] } {
  for (const layer of Object.keys(plan.layers)) document.layer(layer);
  const weights: SavedWeight[] = [];
  const notes: string[] = [];
  const done = new Set<string>();
  for (const layer of document.layers.keys()) {
    const own = choiceOf(plan, layer);
    if (!own || done.has(layer)) continue;
    const twins = twinLayers(document, layer, tied);
    assertAlike(plan, layer, own, twins);
    for (const each of [layer, ...twins]) done.add(each);
    if (twins.length > 0) {
      const verb = agreeing(twins.length, 'holds', 'hold');
      notes.push(`${twins.join(', ')} ${verb} the same numbers as ${layer} (tied weights): compressed once, for all.`);
    }
    weights.push(savedWeight(document, layer, own, dtype, twins));
  }
  return { weights, notes };
}

function choiceOf({ layers }: CompressionPlan, layer: string): LayerChoice | undefined {
  const plan = Object.hasOwn(layers, layer) ? layers[layer]! : undefined;
  return plan === undefined || 'keep' in plan ? undefined : plan;
}

/** The same layer of tensors that have the very same elements. */
function twinLayers(document: EngineDocument, layer: string, tied: TiedLayers): string[] {
  const { name } = document.layer(layer).tensor;
  const suffix = layer.slice(name.length);
  return tied.twinsOf(name).map((twin) => twin + suffix);
}

/** @throws CompressionError `invalid-plan` if tied weights would become different ones */
function assertAlike(plan: CompressionPlan, layer: string, own: LayerChoice, twins: readonly string[]): void {
  const text = (choice: LayerChoice): string =>
    JSON.stringify(Object.entries(choice).sort(([a], [b]) => (a < b ? -1 : 1)));
  const other = twins.find((twin) => {
    const choice = choiceOf(plan, twin);
    return choice && text(choice) !== text(own);
  });
  if (other === undefined) return;
  throw new CompressionError(
    'invalid-plan',
    `holds the same numbers as ${other} (tied weights), for which the plan says something else; give both the same, or leave one out`,
    { layer },
  );
}

/** @throws CompressionError, EngineError */
function savedWeight(
  document: EngineDocument,
  layer: string,
  choice: LayerChoice,
  chosen: FloatDType | undefined,
  twins: readonly string[],
): SavedWeight {
  const { tensor, geometry } = document.layer(layer);
  if (tensor.notModel !== undefined) {
    throw new CompressionError(
      'unsupported',
      `is ${tensor.notModel}, which is no part of the model; take it out of the plan`,
      {
        layer,
      },
    );
  }
  assertReplaceable(document.checkpoint, tensor);
  const { outputs, inputs, inputsFirst, storedBytes: _, ...matrix } = choiceMatrix(document, layer);
  const problem = choiceProblem(choice, { outputs, inputs });
  if (problem) throw new CompressionError(problem.code, problem.message, { layer });
  if (!isFloatDType(tensor.dtype)) {
    throw new CompressionError('unsupported', `elements of type ${tensor.dtype} are not compressed; keep it dense`, {
      layer,
    });
  }
  const factors = factorLayoutIn(document, tensor, matrix);
  return {
    ...{ layer, tensor, matrix, choice, dtype: chosen ?? tensor.dtype, outputs, inputs, transposed: inputsFirst },
    ...(geometry?.expert !== undefined && { expert: geometry.expert }),
    ...(factors && { factors }),
    twins: twins.map((twin) => document.layer(twin).tensor.name),
  };
}

/** Undefined for what cannot be two tensors. */
function factorLayoutIn(
  { checkpoint }: EngineDocument,
  tensor: TensorInfo,
  matrix: SavedWeight['matrix'],
): FactorLayout | undefined {
  if (tensor.folded) return undefined;
  try {
    return factorLayout(tensor, matrix, checkpoint.tensors);
  } catch (error) {
    if (error instanceof CompressionError && error.code === 'unsupported') return undefined;
    throw error;
  }
}

/** Tensors beside the model, which no saved model has. */
export function leftOutTensors({ tensors }: Pick<EngineDocument['checkpoint'], 'tensors'>): {
  names: Set<string>;
  notes: string[];
} {
  const left = tensors.filter(({ notModel }) => notModel !== undefined && notModel !== 'quantisation setting');
  if (left.length === 0) return { names: new Set(), notes: [] };
  const kinds = [...new Set(left.map(({ notModel }) => notModel!))].join(', ');
  const count = agreeing(left.length, '1 tensor', `${left.length} tensors`);
  const verb = agreeing(left.length, 'is', 'are');
  return {
    names: new Set(left.map(({ name }) => name)),
    notes: [`${count} beside the model (${kinds}) ${verb} left out of the saved files.`],
  };
}
