/**
 * Rounds a matrix to codes of few bits with one scale for each block of a row. `checkpoint/quantised/blockCodes.ts` says
 * what the codes stand for and decodes them.
 *
 * @see QLoRA, arXiv 2305.14314 (NF4); LQ-LoRA, arXiv 2311.12023 (NF3); OCP MX 1.0 (MXFP4)
 */
import { codeNumbers } from '../../checkpoint/quantised/blockCodes';
import type { Poll } from '../../linalg/kernels/kernels';
import type { MethodOptions } from '../../shared/compression/methodOptions';
import type { QuantisedPart } from '../../shared/compression/parts';
import { bitsOf, blockOf } from '../../shared/compression/quantisers';
import { CompressionError } from '../compressionError';
import type { LayerMatrix } from '../methods/method';
import { fittedScale } from './fittedScale';
import { blockScale, FLOAT32_MAX } from './blockScale';
import { nearestCode } from './nearestCode';

export type QuantiserOptions = Pick<MethodOptions, 'quantiser' | 'bits' | 'block'>;

/** Elements between two polls: some 50 ms. */
const POLLED = 2 ** 21;

/**
 * @throws CompressionError `unsupported` if an element is beyond float32's range
 * @throws what `poll` does
 */
export function quantiseBlocks(
  { w, outputs, inputs }: LayerMatrix,
  options: QuantiserOptions,
  { layer, poll }: { layer: string; poll: Poll },
): QuantisedPart {
  const { quantiser } = options;
  const bits = bitsOf(quantiser, options.bits);
  const block = blockOf(options.quantiser, options.block, inputs);
  const numbers = codeNumbers(quantiser, bits);
  const scaleOf = blockScale(quantiser, numbers);
  const nearest = nearestCode(numbers);
  const perRow = Math.ceil(inputs / block);
  const codes = new Uint8Array(w.length);
  const scales = new Float64Array(outputs * perRow);
  const pollEach = Math.max(1, Math.floor(POLLED / inputs));
  for (let row = 0, at = 0; row < outputs; row++) {
    if (row % pollEach === 0) poll(row / outputs);
    for (let b = 0; b < perRow; b++) {
      const end = Math.min((row + 1) * inputs, at + block);
      const largest = largestMagnitude(w, at, end);
      if (largest > FLOAT32_MAX) throw beyondRange(largest, row, layer);
      const most = scaleOf(largest);
      const scale = quantiser === 'bipolar' ? fittedScale(w, at, end, most, numbers, nearest) : most;
      scales[row * perRow + b] = scale;
      const zero = scale === 0;
      for (; at < end; at++) codes[at] = nearest(zero ? 0 : w[at]! / scale);
    }
  }
  return { kind: 'quantised', quantiser, bits, block, codes, scales };
}

function largestMagnitude(w: Float64Array, start: number, end: number): number {
  let largest = 0;
  for (let i = start; i < end; i++) {
    const magnitude = Math.abs(w[i]!);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

function beyondRange(largest: number, row: number, layer: string): CompressionError {
  return new CompressionError(
    'unsupported',
    `holds an element of magnitude ${largest.toPrecision(3)} in row ${row}, beyond float32, in which scales are stored; ` +
      'choose a method without a quantiser',
    { layer },
  );
}
