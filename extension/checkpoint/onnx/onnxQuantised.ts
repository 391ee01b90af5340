/**
 * Quantised weights of an ONNX graph: initializers of codes that its operators take together with scales and zero
 * points. QDQ models have DequantizeLinear behind the codes; QOperator models have operators that compute with codes; in
 * dynamically quantised ones, a product follows the integer operator and has the scale.
 *
 * @see https://onnx.ai/onnx/operators/ (DequantizeLinear, QLinearConv, QLinearMatMul, MatMulInteger, ConvInteger)
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md (com.microsoft)
 */
import { type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { bitsandbytesMatMul, blockGather, blockMatMul } from './onnxBlockWeights';
import type { FindCodes } from './onnxCodes';
import { dequantised, directions, integerOperators, linear, movingOperators, scaledProduct } from './onnxLinearWeights';
import type { Operators } from './onnxOperators';
import type { ProblemList } from '../problemList';
import { contradiction, type QuantisedWeight } from '../quantised/quantisedWeight';
import { elementCount } from '../elements/shape';

const QLINEAR_CONV = [linear({ codes: 3, scale: 4, zero: 5 }, 0)];

const WEIGHTS: ReadonlyMap<string, readonly FindCodes[]> = new Map([
  ['DequantizeLinear', [dequantised]],
  ['com.microsoft.DequantizeLinear', [dequantised]],
  ['QLinearConv', QLINEAR_CONV],
  ['com.microsoft.QLinearConv', QLINEAR_CONV],
  ['QLinearMatMul', [linear({ codes: 0, scale: 1, zero: 2 }, -2), linear({ codes: 3, scale: 4, zero: 5 }, -1)]],
  [
    'com.microsoft.QGemm',
    [linear({ codes: 3, scale: 4, zero: 5 }, ({ integers }) => (integers.get('transB') ? 0 : 1))],
  ],
  ['com.microsoft.MatMulIntegerToFloat', [linear({ codes: 1, scale: 3, zero: 5 }, -1)]],
  ['com.microsoft.DynamicQuantizeMatMul', [linear({ codes: 1, scale: 2, zero: 3 }, -1)]],
  ['com.microsoft.QAttention', [linear({ codes: 1, scale: 4, zero: 7 }, -1)]],
  [
    'com.microsoft.DynamicQuantizeLSTM',
    [directions({ codes: 1, scale: 8, zero: 9 }), directions({ codes: 2, scale: 10, zero: 11 })],
  ],
  [
    'com.microsoft.QEmbedLayerNormalization',
    [2, 3, 4, 5, 6].map((codes) => linear({ codes, scale: codes + 6, zero: codes + 11 }, 0)),
  ],
  ['Mul', [scaledProduct]],
  ['com.microsoft.MatMulNBits', [blockMatMul]],
  ['com.microsoft.MatMulBnb4', [bitsandbytesMatMul]],
  ['com.microsoft.GatherBlockQuantized', [blockGather]],
]);

/** Each costs two kilobytes here; models have thousands. */
const MAX_WEIGHTS = 65_536;

/** Operators whose calls `quantisedWeights` looks at. */
export const quantisedOperators: ReadonlySet<string> = new Set([
  ...WEIGHTS.keys(),
  ...integerOperators.keys(),
  ...movingOperators,
  'Cast',
]);

/**
 * All quantised weights, in the order in which operators use them, named by their codes, which are the first of their
 * parts. If parts contradict one another, or codes are used with two scales, a problem says so.
 */
export function quantisedWeights(operators: Operators<TensorInfo>, problems: ProblemList): QuantisedWeight[] {
  const weights = new Map<string, QuantisedWeight>();
  const reported = new Set<string>();
  const report = (tensor: string, code: CheckpointError['code'], what: string): void => {
    // Codes that a hundred operators use are one problem.
    if (!reported.has(tensor)) problems.add(code, what, { tensor });
    reported.add(tensor);
  };
  for (const call of operators.calls) {
    for (const find of WEIGHTS.get(call.operator) ?? []) {
      const use = find(call, operators);
      if (!use) continue;
      const { name } = use.codes;
      try {
        const weight = { ...use.weight(), name };
        const count = elementCount(weight.shape);
        if (typeof count === 'string') throw contradiction(`it ${count}`);
        const known = weights.get(name);
        if (!known && weights.size >= MAX_WEIGHTS) {
          const what = `has more than ${MAX_WEIGHTS} quantised weights; the others are listed as they are stored`;
          problems.add('limit', what, {});
          return [...weights.values()];
        }
        if (!known) weights.set(name, weight);
        else if (!sameParts(known, weight)) {
          report(name, 'malformed', 'is used with two scales or zero points; those of its first use are shown');
        }
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        report(name, error.code, `is quantised, but ${error.reason}`);
      }
    }
  }
  return [...weights.values()];
}

function sameParts(a: QuantisedWeight, b: QuantisedWeight): boolean {
  const names = ({ parts }: QuantisedWeight): string => JSON.stringify(parts.map(({ name }) => name));
  return a.encoding === b.encoding && names(a) === names(b);
}

/** What onnxruntime's quantisers put behind a weight's name. */
const QUANTISED_ENDING = /_(?:quantized|Q[248]|Bnb4)$/;

/** The name that a quantised weight had before, where it can be told. */
export function nameBeforeQuantising(name: string): string | undefined {
  return QUANTISED_ENDING.test(name) ? name.replace(QUANTISED_ENDING, '') : undefined;
}
