/** A matrix of sides o₁⋯o_m × i₁⋯i_m as the tensor of axes (o₁, i₁, …, o_m, i_m), and back. */

/**
 * @param values row-major, of the matrix or of the tensor
 * @param to which of the two is returned
 */
export function interleaved(
  values: Float64Array,
  rowSizes: readonly number[],
  columnSizes: readonly number[],
  to: 'tensor' | 'matrix',
): Float64Array {
  const rowPlaces = places(rowSizes, columnSizes, 'rows');
  const columnPlaces = places(columnSizes, rowSizes, 'columns');
  const result = new Float64Array(values.length);
  let at = 0;
  for (const row of rowPlaces) {
    for (const column of columnPlaces) {
      if (to === 'tensor') result[row + column] = values[at]!;
      else result[at] = values[row + column]!;
      at++;
    }
  }
  return result;
}

/** Offset in the tensor of each row (or column) of the matrix, in their order. */
function places(own: readonly number[], others: readonly number[], which: 'rows' | 'columns'): Uint32Array {
  const sizes = own.map((size, l) => (which === 'rows' ? [size, others[l]!] : [others[l]!, size])).flat();
  const strides = sizes.map((_, axis) => sizes.slice(axis + 1).reduce((product, size) => product * size, 1));
  let offsets = Uint32Array.of(0);
  for (const [l, size] of own.entries()) {
    const stride = strides[2 * l + (which === 'rows' ? 0 : 1)]!;
    const next = new Uint32Array(offsets.length * size);
    for (let i = 0; i < offsets.length; i++) {
      for (let k = 0; k < size; k++) next[i * size + k] = offsets[i]! + k * stride;
    }
    offsets = next;
  }
  return offsets;
}
