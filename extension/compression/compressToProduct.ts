/**
 * One matrix, one method, as one matrix again: what `compressMatrix` makes, added up and rounded once. Factors are not
 * rounded before.
 */
import { elementSize } from '../checkpoint/elements/dtype';
import { layerMethod } from '../shared/compression/methodTable';
import type { LayerChoice } from '../shared/compression/plans';
import type { LayerStatistics } from '../shared/compression/statistics';
import { compressMatrix, type LayerInput, type StoredLayer } from './compressMatrix';
import { transposed } from './layerElements';
import { frobenius, relativeTo } from './measuredError';
import type { MethodTools } from './methods/method';
import { narrow, type FloatDType } from './narrow';
import { partOperations } from './parts/registry';

/** Rough share of the time that the method takes. */
const METHOD_SHARE = 0.9;

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
  const { w, outputs, inputs } = input;
  const stored = compressMatrix(input, choice, statistics, 'F64', {
    ...tools,
    poll: (fraction) => tools.poll(METHOD_SHARE * fraction),
  });
  const sum = new Float64Array(w.length);
  const isElsewhere = layerMethod(choice.method).needs.some((need) => need === 'quantised');
  const base = stored.base?.values ?? (isElsewhere ? input.quantised : undefined);
  if (base) sum.set(base);
  for (const { part } of stored.parts) {
    partOperations(part.kind).addTo(sum, part, { outputs, inputs }, tools.kernels, () => tools.poll(METHOD_SHARE));
  }
  const { values, saturated } = narrow(sum, dtype);
  let squared = 0;
  for (let i = 0; i < w.length; i++) squared += (w[i]! - values[i]!) ** 2;
  const lying = inputsFirst ? transposed(sum, outputs, inputs) : sum;
  const parameters = w.length;
  const { measured } = stored;
  return {
    choice,
    parts: [],
    ...(stored.bias && { bias: stored.bias }),
    product: { dtype, bytes: narrow(lying, dtype).bytes },
    measured: {
      ...measured,
      relative_error: relativeTo(frobenius(w), Math.sqrt(squared)),
      parameters: { before: parameters, after: parameters },
      bytes: { ...measured.bytes, after: parameters * elementSize(dtype) },
      multiply_adds: { ...measured.multiply_adds, after: measured.multiply_adds.before },
      activations: 0,
      notes: [
        ...measured.notes,
        ...(saturated > 0
          ? [`${saturated} values were beyond the range of ${dtype} and are stored as its largest value.`]
          : []),
      ],
    },
  };
}
