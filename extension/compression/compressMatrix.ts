/**
 * One matrix, one method: the parts as they are stored, and their errors and costs measured on the stored values. Runs of
 * plans and comparisons compress their layers through this; `pairCompression.ts` is for copies with single layers.
 */
import { elementSize } from '../checkpoint/elements/dtype';
import { choiceProblem, optionsOf } from '../shared/compression/choiceProblem';
import type { MeasuredLayer } from '../shared/compression/measured';
import { layerMethod, type LayerMethodRow } from '../shared/compression/methodTable';
import { unmetNeeds, type Need } from '../shared/compression/methodNeeds';
import type { Part } from '../shared/compression/parts';
import type { LayerChoice } from '../shared/compression/plans';
import type { LayerStatistics } from '../shared/compression/statistics';
import { CompressionError } from './compressionError';
import { PLAIN } from './decomposition/metric';
import { measuredErrors } from './layerErrors';
import { withPlainBase } from './methods/adapterBase';
import { stage, type LayerMatrix, type MethodInput, type MethodResult, type MethodTools } from './methods/method';
import { methodNamed } from './methods/registry';
import { narrow, type FloatDType } from './narrow';
import type { PartCost, StoredPart } from './parts/part';
import { partOperations, storePart } from './parts/registry';

/** Rough share of the time that the method takes; the rest is rounding and measuring. */
const METHOD_SHARE = 0.8;

export interface LayerInput extends LayerMatrix, Pick<MethodInput, 'layer' | 'quantised' | 'eigenvalues' | 'mask'> {
  /** Bytes of the matrix as the checkpoint stores it. */
  readonly storedBytes: number;
}

export interface StoredLayer {
  readonly choice: LayerChoice;
  /** W ≈ the sum of these, and of the base if there is one. */
  readonly parts: readonly StoredPart<Part>[];
  /** The weight that is saved beside an adapter, out × in, rounded. */
  readonly base?: { readonly dtype: FloatDType; readonly bytes: Uint8Array; readonly values: Float64Array };
  /** Added to the layer's outputs beside the bias that it has; rounded. */
  readonly bias?: Float64Array;
  /** All of them in one matrix, rounded, in the order in which the layer lies in its file; then `parts` is empty. */
  readonly product?: { readonly dtype: FloatDType; readonly bytes: Uint8Array };
  readonly measured: MeasuredLayer;
}

/** What a layout stores of a layer: its parts; an adapter and a base of plain numbers; or their sum (`StoredLayer.product`). */
export type StoredForm = 'parts' | 'adapter' | 'product';

/**
 * @param dtype of all floats that are stored
 * @throws CompressionError `unknown-method`, `invalid-rank`, `invalid-option`, `missing-statistics`,
 *   `invalid-statistics`, `unsupported`
 * @throws DOMException `AbortError` when cancelled
 */
export function compressMatrix(
  input: LayerInput,
  choice: LayerChoice,
  statistics: LayerStatistics,
  dtype: FloatDType,
  tools: MethodTools,
  form: Exclude<StoredForm, 'product'> = 'parts',
): StoredLayer {
  const made = methodResult(input, choice, statistics, stage(tools, 0, METHOD_SHARE));
  const storing = stage(tools, METHOD_SHARE, 1);
  const result = form === 'adapter' ? withPlainBase(made, input, stage(storing, 0, 0)) : made;
  return storedLayer(input, choice, statistics, result, dtype, storing);
}

/**
 * What the method makes, before it is rounded.
 *
 * @throws as `compressMatrix`
 */
export function methodResult(
  input: LayerInput,
  choice: LayerChoice,
  statistics: LayerStatistics,
  tools: MethodTools,
): MethodResult {
  const { layer, w, outputs, inputs } = input;
  if (w.length !== outputs * inputs) {
    throw new RangeError(`${w.length} elements given for a ${outputs} × ${inputs} matrix`);
  }
  const problem = choiceProblem(choice, input);
  if (problem) throw new CompressionError(problem.code, problem.message, { layer });
  assertStatistics(layerMethod(choice.method), input, statistics);
  return methodNamed(choice.method)(
    { ...input, rank: choice.rank ?? 0, options: optionsOf(choice), statistics },
    tools,
  );
}

/** @throws CompressionError `missing-statistics` */
function assertStatistics(row: LayerMethodRow, { layer, quantised }: LayerInput, statistics: LayerStatistics): void {
  const { tokens, ...arrays } = statistics;
  const has = (Object.keys(arrays) as (keyof typeof arrays)[]).filter((field) => arrays[field] !== undefined);
  const [missing] = unmetNeeds(row.name, { has, tokens: tokens !== undefined, quantised: quantised !== undefined });
  if (missing === undefined) return;
  throw new CompressionError(
    'missing-statistics',
    `the method ${row.name} needs ${NEEDED[missing]}, and there is none of this layer; ${REMEDY[missing] ?? STATISTICS}`,
    { layer },
  );
}

const NEEDED: Readonly<Record<Need, string>> = {
  fisher: 'the Fisher information of the weights (fisher)',
  diagonal: 'the mean magnitude of each input (input_abs_mean, or an imatrix)',
  gram: 'the Gram matrix of the inputs (input_gram)',
  mean: 'the mean of each input (input_mean) and the number of tokens',
  quantised: 'the same weight in a quantised checkpoint',
  'gram|diagonal': 'the Gram matrix of the inputs (input_gram), their mean magnitudes (input_abs_mean) or an imatrix',
};
const STATISTICS = 'give a file of statistics that covers it, or choose another method';
const REMEDY: Partial<Record<Need, string>> = {
  quantised: 'give the quantised checkpoint, or choose another method',
};

function storedLayer(
  input: LayerInput,
  choice: LayerChoice,
  statistics: LayerStatistics,
  result: MethodResult,
  dtype: FloatDType,
  tools: MethodTools,
): StoredLayer {
  const { outputs, inputs } = input;
  const size = { outputs, inputs };
  const parts = result.parts.map((part) => storePart(part, size, dtype));
  const narrowed = result.base?.stored === 'here' ? narrow(result.base.w, dtype) : undefined;
  const base = narrowed && { dtype, bytes: narrowed.bytes, values: narrowed.values };
  const bias = result.bias && narrow(result.bias, dtype);
  const saturated = parts.reduce(
    (sum, part) => sum + part.saturated,
    (narrowed?.saturated ?? 0) + (bias?.saturated ?? 0),
  );
  const approximation = {
    parts: parts.map(({ part }) => part),
    ...(result.base && { base: base?.values ?? result.base.w }),
    ...(bias && { bias: bias.values }),
    metric: result.metric ?? PLAIN,
  };
  const errors = measuredErrors(input, approximation, statistics, tools);
  return {
    choice,
    parts,
    ...(base && { base }),
    ...(bias && { bias: bias.values }),
    measured: {
      layer: input.layer,
      choice,
      ...errors,
      ...costsOf(input, parts, { base: result.base?.stored, bias: bias?.values.length ?? 0, dtype }),
      ...(result.rounds && { rounds: result.rounds }),
      ...(saturated > 0 && { saturated }),
      notes: [
        ...result.notes,
        ...(saturated > 0
          ? [`${saturated} values were beyond the range of ${dtype} and are stored as its largest value.`]
          : []),
      ],
    },
  };
}

type Costs = Pick<MeasuredLayer, 'parameters' | 'bytes' | 'multiply_adds' | 'activations'>;

function costsOf(
  { outputs, inputs, storedBytes }: LayerInput,
  parts: readonly StoredPart<Part>[],
  beside: { base: 'here' | 'elsewhere' | undefined; bias: number; dtype: FloatDType },
): Costs {
  const whole = outputs * inputs;
  const own = (beside.base === 'here' ? whole : 0) + beside.bias;
  const costs = parts.map(({ part }) => partOperations(part.kind).cost(part, { outputs, inputs }));
  const total = (key: keyof PartCost): number => costs.reduce((sum, cost) => sum + cost[key], 0);
  const bytes = parts.flatMap(({ fields }) => fields.map((field) => field.bytes.length));
  return {
    parameters: { before: whole, after: total('parameters') + own },
    bytes: {
      before: storedBytes,
      after: bytes.reduce((sum, length) => sum + length, own * elementSize(beside.dtype)),
    },
    multiply_adds: { before: whole, after: total('multiplyAdds') + (beside.base ? whole : 0) },
    activations: total('activations'),
  };
}
