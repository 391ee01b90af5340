/**
 * One matrix, one method: the parts as they are stored, and their errors and costs measured on the stored values. Every
 * save, comparison and plan compresses its layers through this.
 */
import { elementSize } from '../checkpoint/elements/dtype';
import { choiceProblem, optionsOf } from '../shared/compression/choiceProblem';
import type { MeasuredLayer } from '../shared/compression/measured';
import { layerMethod, type LayerMethodRow } from '../shared/compression/methodTable';
import type { Part } from '../shared/compression/parts';
import type { LayerChoice } from '../shared/compression/plans';
import type { LayerStatistics } from '../shared/compression/statistics';
import { CompressionError } from './compressionError';
import { frobenius, relativeTo } from './measuredError';
import type { LayerMatrix, MethodInput, MethodResult, MethodTools } from './methods/method';
import { methodNamed } from './methods/registry';
import { narrow, type FloatDType } from './narrow';
import type { StoredPart } from './parts/part';
import { partOperations, storePart } from './parts/registry';

/** Rough share of the time that the method takes; the rest is rounding and measuring. */
const METHOD_SHARE = 0.8;

export interface LayerInput extends LayerMatrix, Pick<MethodInput, 'layer' | 'quantised' | 'eigenvalues'> {
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
): StoredLayer {
  const { layer, w, outputs, inputs } = input;
  if (w.length !== outputs * inputs) {
    throw new RangeError(`${w.length} elements given for a ${outputs} × ${inputs} matrix`);
  }
  const problem = choiceProblem(choice, input);
  if (problem) throw new CompressionError(problem.code, problem.message, { layer });
  const method = methodNamed(choice.method);
  const row = layerMethod(choice.method);
  assertStatistics(row, input, statistics);
  const result = method(
    { ...input, rank: choice.rank ?? 0, options: optionsOf(choice), statistics },
    { ...tools, poll: (fraction) => tools.poll(METHOD_SHARE * fraction) },
  );
  return storedLayer(input, choice, result, dtype, {
    ...tools,
    poll: (fraction) => tools.poll(METHOD_SHARE + (1 - METHOD_SHARE) * fraction),
  });
}

/** @throws CompressionError `missing-statistics` */
function assertStatistics(row: LayerMethodRow, { layer, quantised }: LayerInput, statistics: LayerStatistics): void {
  const { gram, mean, absMean, squareMean, fisher, tokens } = statistics;
  const has = {
    fisher: fisher !== undefined,
    diagonal: absMean !== undefined || squareMean !== undefined,
    gram: gram !== undefined,
    mean: mean !== undefined && tokens !== undefined,
    quantised: quantised !== undefined,
    'gram|diagonal': gram !== undefined || absMean !== undefined || squareMean !== undefined,
  };
  const missing = row.needs.find((need) => !has[need]);
  if (missing === undefined) return;
  throw new CompressionError(
    'missing-statistics',
    `the method ${row.name} needs ${NEEDED[missing]}, and there is none of this layer; ${REMEDY[missing] ?? STATISTICS}`,
    { layer },
  );
}

const NEEDED: Readonly<Record<LayerMethodRow['needs'][number], string>> = {
  fisher: 'the Fisher information of the weights (fisher)',
  diagonal: 'the mean magnitude of each input (input_abs_mean, or an imatrix)',
  gram: 'the Gram matrix of the inputs (input_gram)',
  mean: 'the mean of each input (input_mean) and the number of tokens',
  quantised: 'the same weight in a quantised checkpoint',
  'gram|diagonal': 'the Gram matrix of the inputs (input_gram), their mean magnitudes (input_abs_mean) or an imatrix',
};
const STATISTICS = 'give a file of statistics that covers it, or choose another method';
const REMEDY: Partial<Record<LayerMethodRow['needs'][number], string>> = {
  quantised: 'give the quantised checkpoint, or choose another method',
};

function storedLayer(
  input: LayerInput,
  choice: LayerChoice,
  result: MethodResult,
  dtype: FloatDType,
  tools: MethodTools,
): StoredLayer {
  const { layer, w, outputs, inputs, storedBytes } = input;
  const size = { outputs, inputs };
  const exact = size.outputs * size.inputs;
  const parts = result.parts.map((part) => storePart(part, size, dtype));
  const base = result.base?.stored === 'here' ? narrow(result.base.w, dtype) : undefined;
  const bias = result.bias && narrow(result.bias, dtype);
  const difference = w.slice();
  subtract(difference, base?.values ?? result.base?.w);
  const norm = frobenius(w);
  const approximation = new Float64Array(exact);
  for (const [index, { part }] of parts.entries()) {
    partOperations(part.kind).addTo(approximation, part, size, tools.kernels, (fraction) =>
      tools.poll((index + fraction) / parts.length),
    );
  }
  subtract(difference, approximation);
  const relative_error = relativeTo(norm, frobenius(difference));
  const costs = parts.map(({ part }) => partOperations(part.kind).cost(part, size));
  const total = (key: 'parameters' | 'multiplyAdds' | 'activations'): number =>
    costs.reduce((sum, cost) => sum + cost[key], 0);
  const bytes = parts.reduce(
    (sum, { fields }) => sum + fields.reduce((part, { bytes: { length } }) => part + length, 0),
    0,
  );
  const saturated = parts.reduce((sum, part) => sum + part.saturated, (base?.saturated ?? 0) + (bias?.saturated ?? 0));
  const measured: MeasuredLayer = {
    layer,
    choice,
    relative_error,
    metric_error: relative_error,
    output_error: null,
    parameters: {
      before: exact,
      after: total('parameters') + (base ? exact : 0) + (bias?.values.length ?? 0),
    },
    bytes: {
      before: storedBytes,
      after: bytes + (base?.bytes.length ?? 0) + (bias?.values.length ?? 0) * elementSize(dtype),
    },
    multiply_adds: { before: exact, after: total('multiplyAdds') + (result.base ? exact : 0) },
    activations: total('activations'),
    ...(result.rounds && { rounds: result.rounds }),
    notes: [
      ...result.notes,
      ...(saturated > 0
        ? [`${saturated} values were beyond the range of ${dtype} and are stored as its largest value.`]
        : []),
    ],
  };
  return {
    choice,
    parts,
    ...(base && { base: { dtype, bytes: base.bytes, values: base.values } }),
    ...(bias && { bias: bias.values }),
    measured,
  };
}

function subtract(from: Float64Array, x: Float64Array | undefined): void {
  if (!x) return;
  for (let i = 0; i < from.length; i++) from[i] = from[i]! - x[i]!;
}
