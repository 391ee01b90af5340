/** What an operator multiplies by its weight, as rows of tokens: for a convolution, the patch of each output position. */
import { product } from '../../shared/matrixAxes';
import type { TokenRows } from '../../compression/statistics/inputSums';
import type { RowForm } from './taps';

export type Floats = Float32Array | Float64Array;

/**
 * @param inputs numbers of one token
 * @throws RangeError for a shape that no such operator takes
 */
export function tokenRows(data: Floats, shape: readonly number[], form: RowForm, inputs: number): TokenRows {
  const wrong = (): RangeError =>
    new RangeError(`an input of the shape [${shape.join(', ')}] has no tokens of ${inputs} numbers`);
  switch (form.kind) {
    case 'rows': {
      if (shape.at(-1) !== inputs) throw wrong();
      const copy = (into: Float64Array, start: number, end: number): void =>
        into.set(data.subarray(start * inputs, end * inputs));
      return { count: data.length / inputs, copy };
    }
    case 'columns': {
      // A single vector is one token.
      const columns = shape.length === 1 ? 1 : shape.at(-1)!;
      if ((shape.length === 1 ? shape[0] : shape.at(-2)) !== inputs) throw wrong();
      return {
        count: data.length / inputs,
        copy(into, start, end) {
          for (let row = start; row < end; row++) {
            const first = Math.floor(row / columns) * columns * inputs + (row % columns);
            for (let i = 0; i < inputs; i++) into[(row - start) * inputs + i] = data[first + i * columns]!;
          }
        },
      };
    }
    case 'patches':
      return patchRows(data, shape, form, inputs, wrong);
  }
}

function patchRows(
  data: Floats,
  [batch = 0, channels = 0, ...sizes]: readonly number[],
  form: RowForm & { readonly kind: 'patches' },
  inputs: number,
  wrong: () => RangeError,
): TokenRows {
  const { kernel, strides, dilations } = form;
  const axes = kernel.length;
  if (sizes.length !== axes || channels * product(kernel) !== inputs) throw wrong();
  const extents = kernel.map((size, axis) => (size - 1) * dilations[axis]! + 1);
  const { before, outputs } = padding(sizes, extents, form);
  const steps = sizes.map((_, axis) => product(sizes.slice(axis + 1)));
  const plane = product(sizes);
  const positions = product(outputs);
  const taps = product(kernel);
  const origin = new Array<number>(axes).fill(0);
  return {
    count: batch * positions,
    copy(into, start, end) {
      for (let row = start; row < end; row++) {
        let rest = row % positions;
        for (let axis = axes - 1; axis >= 0; axis--) {
          origin[axis] = (rest % outputs[axis]!) * strides[axis]! - before[axis]!;
          rest = Math.floor(rest / outputs[axis]!);
        }
        const image = Math.floor(row / positions) * channels * plane;
        for (let tap = 0; tap < taps; tap++) {
          const at = placeOf(tap, kernel, dilations, origin, sizes, steps);
          for (let channel = 0; channel < channels; channel++) {
            const value = at < 0 ? 0 : data[image + channel * plane + at]!;
            into[(row - start) * inputs + channel * taps + tap] = value;
          }
        }
      }
    },
  };
}

/** Element of a plane that a position of the kernel lies on; -1 for padding. */
function placeOf(
  tap: number,
  kernel: readonly number[],
  dilations: readonly number[],
  origin: readonly number[],
  sizes: readonly number[],
  steps: readonly number[],
): number {
  let at = 0;
  for (let axis = kernel.length - 1, rest = tap; axis >= 0; axis--) {
    const place = origin[axis]! + (rest % kernel[axis]!) * dilations[axis]!;
    if (place < 0 || place >= sizes[axis]!) return -1;
    at += place * steps[axis]!;
    rest = Math.floor(rest / kernel[axis]!);
  }
  return at;
}

/** @see https://onnx.ai/onnx/operators/onnx__Conv.html auto_pad */
function padding(
  sizes: readonly number[],
  extents: readonly number[],
  { strides, pads, autoPad }: RowForm & { readonly kind: 'patches' },
): { before: number[]; outputs: number[] } {
  const axes = sizes.length;
  const before: number[] = [];
  const outputs: number[] = [];
  for (let axis = 0; axis < axes; axis++) {
    const [size, stride, extent] = [sizes[axis]!, strides[axis]!, extents[axis]!];
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
      const count = Math.ceil(size / stride);
      const total = Math.max(0, (count - 1) * stride + extent - size);
      before.push(autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2));
      outputs.push(count);
    } else {
      const [front, behind] = autoPad === 'VALID' ? [0, 0] : [pads[axis]!, pads[axes + axis]!];
      before.push(front);
      outputs.push(Math.max(0, Math.floor((size + front + behind - extent) / stride) + 1));
    }
  }
  return { before, outputs };
}
