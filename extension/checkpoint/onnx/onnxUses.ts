/**
 * What the operators of an ONNX graph take their weights for, where shapes of two or three axes leave it open: a kernel, a
 * stack of matrices, gates of a recurrent layer, or vectors beside one another (its biases, the states it begins with).
 *
 * @see https://onnx.ai/onnx/operators/ (Conv, ConvTranspose, MatMul, LSTM, GRU, RNN)
 */
import type { TensorInfo } from '../checkpoint';
import type { Operators } from './onnxOperators';

export type WeightUse = Pick<TensorInfo, 'usedAs' | 'recurrent'>;

const KERNEL: WeightUse = { usedAs: 'kernel' };
const MATRICES: WeightUse = { usedAs: 'matrices' };
const VECTORS: WeightUse = { usedAs: 'vectors' };

/** By operator, the use of each input that is a weight. */
const USES: ReadonlyMap<string, Readonly<Record<number, WeightUse>>> = new Map<string, Record<number, WeightUse>>([
  ['Conv', { 1: KERNEL }],
  ['ConvTranspose', { 1: KERNEL }],
  ['ConvInteger', { 1: KERNEL }],
  ['QLinearConv', { 3: KERNEL }],
  ['com.microsoft.QLinearConv', { 3: KERNEL }],
  ['com.microsoft.FusedConv', { 1: KERNEL }],
  ['MatMul', { 0: MATRICES, 1: MATRICES }],
  ['MatMulInteger', { 0: MATRICES, 1: MATRICES }],
  ['QLinearMatMul', { 0: MATRICES, 3: MATRICES }],
  ['com.microsoft.FusedMatMul', { 0: MATRICES, 1: MATRICES }],
  ['com.microsoft.MoE', { 2: MATRICES, 3: VECTORS, 4: MATRICES, 5: VECTORS, 6: MATRICES, 7: VECTORS }],
  // Biases, initial states, peepholes.
  ['LSTM', { 1: { recurrent: 'LSTM' }, 2: { recurrent: 'LSTM' }, 3: VECTORS, 5: VECTORS, 6: VECTORS, 7: VECTORS }],
  ['GRU', { 1: { recurrent: 'GRU' }, 2: { recurrent: 'GRU' }, 3: VECTORS, 5: VECTORS }],
  ['RNN', { 1: { recurrent: 'RNN' }, 2: { recurrent: 'RNN' }, 3: VECTORS, 5: VECTORS }],
  // Its gates lie side by side: the matrices are those of LSTM, transposed.
  ['com.microsoft.DynamicQuantizeLSTM', { 1: MATRICES, 2: MATRICES, 3: VECTORS, 5: VECTORS, 6: VECTORS, 7: VECTORS }],
]);

/**
 * Operators that multiply from the right by a weight of two axes, or look up its rows, with the index of that input. If
 * `transB` is set, the columns are the inputs.
 */
const ROWS_ARE_INPUTS: ReadonlyMap<string, number> = new Map([
  ...[['MatMul', 1] as const, ['Gemm', 1] as const, ['MatMulInteger', 1] as const, ['QLinearMatMul', 3] as const],
  ['com.microsoft.FusedMatMul', 1],
  ['com.microsoft.QGemm', 3],
  ['com.microsoft.MatMulIntegerToFloat', 1],
  ['com.microsoft.DynamicQuantizeMatMul', 1],
  ['Gather', 0],
]);

/** What may lie between a weight and the operator that uses it, and leaves its elements in their order. */
const BETWEEN: ReadonlySet<string> = new Set(['Identity', 'Cast', 'DequantizeLinear', 'Unsqueeze']);

/** For vectors, whose number may be that of a batch, also operators that repeat them. */
const BETWEEN_VECTORS: ReadonlySet<string> = new Set([...BETWEEN, 'Expand']);

/** Operators whose calls `weightUses` looks at. */
export const usingOperators: ReadonlySet<string> = new Set([
  ...[...USES.keys(), ...ROWS_ARE_INPUTS.keys(), ...BETWEEN_VECTORS],
]);

/** By the tensors' names; of two uses the first. */
export function weightUses(operators: Operators<TensorInfo>): ReadonlyMap<string, WeightUse> {
  const uses = new Map<string, WeightUse>();
  for (const call of operators.calls) {
    for (const [input, use] of Object.entries(USES.get(call.operator) ?? {})) {
      const tensor = operators.tensorThrough(call, Number(input), use === VECTORS ? BETWEEN_VECTORS : BETWEEN);
      if (tensor && !uses.has(tensor.name)) uses.set(tensor.name, use);
    }
  }
  return uses;
}

/** Names of the matrices whose rows are inputs, by the first operator that tells. */
export function matricesOfInputRows(operators: Operators<TensorInfo>): ReadonlySet<string> {
  const rows = new Map<string, boolean>();
  for (const call of operators.calls) {
    const input = ROWS_ARE_INPUTS.get(call.operator);
    const tensor = input === undefined ? undefined : operators.tensorThrough(call, input, BETWEEN);
    if (tensor?.shape.length !== 2 || rows.has(tensor.name)) continue;
    rows.set(tensor.name, !call.integers.get('transB') && !call.integers.get('axis'));
  }
  return new Set([...rows].flatMap(([name, are]) => (are ? [name] : [])));
}
