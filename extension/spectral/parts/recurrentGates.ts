/**
 * The gates of LSTM and GRU weights, which programs store as one matrix: below one another (PyTorch, ONNX), or side by side
 * (Keras), each in an order of its own.
 *
 * @see https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html i, f, g, o; GRU r, z, n
 * @see https://onnx.ai/onnx/operators/onnx__LSTM.html i, o, f, c; GRU z, r, h
 * @see https://github.com/keras-team/keras/blob/master/keras/src/layers/rnn/lstm.py i, f, c, o; GRU z, r, h
 * @see https://github.com/keras-team/keras/blob/v2.3.1/keras/engine/saving.py `_convert_rnn_weights`: CuDNN's kernels
 */
import type { PartsOfMatrix, MatrixDescription } from './matrixDescription';
import { grouped } from './runs';

/** By how many times the hidden size the axis of the gates has. */
type Orders = Readonly<Record<number, readonly string[]>>;

const PYTORCH: Orders = { 4: ['i', 'f', 'g', 'o'], 3: ['r', 'z', 'n'] };
const KERAS: Orders = { 4: ['i', 'f', 'c', 'o'], 3: ['z', 'r', 'h'] };
const ONNX: Readonly<Record<string, readonly string[]>> = { LSTM: ['i', 'o', 'f', 'c'], GRU: ['z', 'r', 'h'] };

const TORCH_NAME = /^(.*\.)?weight_(?:ih|hh)((?:_l\d+)?(?:_reverse)?)$/;
const KERAS_NAME = /^(.*[/.])?(?:recurrent_)?kernel(:0)?$/;

/** Why they are not known, in words; undefined where the matrix is no stack of gates. */
export function recurrentGates(matrix: MatrixDescription): PartsOfMatrix | string | undefined {
  const { name, rows, cols, recurrent, shapeOf } = matrix;
  if (recurrent) return gates('rows', rows, ONNX[recurrent]);
  const torch = TORCH_NAME.exec(name);
  if (torch) {
    const [prefix, suffix] = [torch[1] ?? '', torch[2]!];
    // With a projection (proj_size) the recurrent input is that of another size.
    const hidden = shapeOf(`${prefix}weight_hr${suffix}`)?.[1] ?? shapeOf(`${prefix}weight_hh${suffix}`)?.[1];
    return hidden === undefined ? undefined : gates('rows', rows, PYTORCH[rows / hidden]);
  }
  const keras = KERAS_NAME.exec(name);
  if (!keras) return undefined;
  const [prefix, suffix] = [keras[1] ?? '', keras[2] ?? ''];
  const hidden = shapeOf(`${prefix}recurrent_kernel${suffix}`)?.[0];
  if (hidden === undefined || KERAS[cols / hidden] === undefined) return undefined;
  // CuDNN has two biases; its kernels are the transposes of gates, written row by row into the shape of the gates.
  const bias = shapeOf(`${prefix}bias${suffix}`);
  if (bias?.length === 1 && bias[0] === 2 * cols && rows !== hidden) {
    return "it is a kernel of CuDNN's, whose elements lie in another order than rows and columns say";
  }
  return gates('cols', cols, KERAS[cols / hidden]);
}

function gates(axis: 'rows' | 'cols', size: number, names: readonly string[] | undefined): PartsOfMatrix | undefined {
  if (!names || size % names.length !== 0) return undefined;
  const runs = grouped(
    names.map(() => size / names.length),
    1,
  );
  return { axis, sections: names.map((label, i) => ({ label, runs: runs[i]! })) };
}
