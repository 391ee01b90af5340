/** W as a chain of cores, bonds[l] × rowSizes[l] × columnSizes[l] × bonds[l+1] each. */
import { PartError, type PartDecoder } from './partReader';

const times = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);

export const tensorTrain: PartDecoder = (fields, { outputs, inputs }) => {
  const [rowSizes, columnSizes, bonds] = [
    fields.counts('rowSizes'),
    fields.counts('columnSizes'),
    fields.counts('bonds'),
  ];
  const count = rowSizes.length;
  if (columnSizes.length !== count || bonds.length !== count + 1 || bonds[0] !== 1 || bonds[count] !== 1) {
    throw new PartError(`has ${count} row sizes, ${columnSizes.length} column sizes and the bonds ${bonds.join(', ')}`);
  }
  if (times(rowSizes) !== outputs || times(columnSizes) !== inputs) {
    throw new PartError(`has sizes of ${times(rowSizes)} × ${times(columnSizes)}, not ${outputs} × ${inputs}`);
  }
  const cores = rowSizes.map((rows, l) =>
    fields.shaped(`core${l}`, 'floats', [bonds[l]!, rows, columnSizes[l]!, bonds[l + 1]!]),
  );
  return async (sum, { start, end }, read) => {
    const values: Float64Array[] = [];
    for (const core of cores) values.push(await read(core));
    // Rows that follow one another mostly begin with the same indices: what those make is kept.
    const chain: { index: number; product: Float64Array }[] = [];
    for (let row = start; row < end; row++) {
      const indices = rowIndices(row, rowSizes);
      let same = 0;
      while (same < count && chain[same]?.index === indices[same]) same++;
      chain.length = same;
      for (let l = same; l < count; l++) {
        const before = chain[l - 1]?.product ?? Float64Array.of(1);
        const core = {
          values: values[l]!,
          rows: rowSizes[l]!,
          columns: columnSizes[l]!,
          left: bonds[l]!,
          right: bonds[l + 1]!,
        };
        chain.push({ index: indices[l]!, product: extended(before, core, indices[l]!) });
      }
      const elements = chain[count - 1]!.product;
      const at = (row - start) * inputs;
      for (let j = 0; j < inputs; j++) sum[at + j] = sum[at + j]! + elements[j]!;
    }
  };
};

/** The row's index in each core, the first core's the slowest. */
function rowIndices(row: number, sizes: readonly number[]): number[] {
  const indices: number[] = [];
  let rest = row;
  for (const size of sizes.toReversed()) {
    indices.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return indices;
}

interface Core {
  readonly values: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly left: number;
  readonly right: number;
}

/** (columns so far × left) times the core's slice of one row index, left × (columns × right). */
function extended(before: Float64Array, { values, rows, columns, left, right }: Core, index: number): Float64Array {
  const width = columns * right;
  const height = before.length / left;
  const product = new Float64Array(height * width);
  for (let i = 0; i < height; i++) {
    for (let b = 0; b < left; b++) {
      const factor = before[i * left + b]!;
      const from = (b * rows + index) * width;
      for (let j = 0; j < width; j++) product[i * width + j] = product[i * width + j]! + factor * values[from + j]!;
    }
  }
  return product;
}
