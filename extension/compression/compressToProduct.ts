/**
 * One matrix, one method, as one matrix again: what the method makes, added up and rounded once. Factors are not rounded
 * before. Errors are those of the rounded matrix, which is what a file holds.
 */
import { elementSize } from '../checkpoint/elements/dtype';
import type { LayerChoice } from '../shared/compression/plans';
import type { LayerStatistics } from '../shared/compression/statistics';
import { methodResult, type LayerInput, type StoredLayer } from './compressMatrix';
import { PLAIN } from './decomposition/metric';
import { transposed } from './layerElements';
import { measuredErrors } from './layerErrors';
import { stage, type MethodTools } from './methods/method';
import { narrow, type FloatDType } from './narrow';
import { partOperations, storePart } from './parts/registry';

/** Rough share of the time that the method takes; the rest is adding up and measuring. */
const METHOD_SHARE = 0.8;

/**
 * @param inputsFirst the layer's file has the transpose
 * @throws as `compressMatrix`
 */
export function compressToProduct(
  input: LayerInput,
  inputsFirst: boolean,
  choice: LayerChoice,
  statistics: LayerStatistics,
  dtype: FloatDType,
  tools: MethodTools,
): StoredLayer {
  const { layer, w, outputs, inputs, storedBytes } = input;
  const result = methodResult(input, choice, statistics, stage(tools, 0, METHOD_SHARE));
  const measuring = stage(tools, METHOD_SHARE, 1);
  const sum = result.base?.w.slice() ?? new Float64Array(w.length);
  for (const made of result.parts) {
    // Codes and scales as they would be stored.
    const { part } = storePart(made, { outputs, inputs }, 'F64');
    partOperations(part.kind).addTo(sum, part, { outputs, inputs }, tools.kernels, () => measuring.poll(0));
  }
  const { values, saturated } = narrow(sum, dtype);
  const { bias, metric = PLAIN } = result;
  const approximation = { parts: [], base: values, ...(bias && { bias }), metric };
  const errors = measuredErrors(input, approximation, statistics, measuring);
  const parameters = w.length;
  return {
    choice,
    parts: [],
    ...(bias && { bias }),
    product: { dtype, bytes: narrow(inputsFirst ? transposed(sum, outputs, inputs) : sum, dtype).bytes },
    measured: {
      ...{ layer, choice },
      ...errors,
      parameters: { before: parameters, after: parameters },
      bytes: { before: storedBytes, after: parameters * elementSize(dtype) },
      multiply_adds: { before: parameters, after: parameters },
      activations: 0,
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
