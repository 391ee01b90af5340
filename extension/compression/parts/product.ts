/** A product of two factors: what low rank is stored as. */
import { elementSize } from '../../checkpoint/elements/dtype';
import type { ProductPart } from '../../shared/compression/parts';
import { FactorPair } from '../../shared/ranks/factorPair';
import { narrow, type FloatDType, type Narrowed } from '../narrow';
import type { MatrixSize, PartOperations, StoredField } from './part';
import { forEachBlock } from './productBlocks';

export const productPart: PartOperations<ProductPart> = {
  addTo(sum, { left, right, rank }, { outputs, inputs }, kernels, poll) {
    const add = (block: Float64Array, start: number): void => {
      for (let i = 0; i < block.length; i++) sum[start + i] = sum[start + i]! + block[i]!;
    };
    forEachBlock({ left, right, rows: outputs, cols: inputs, rank }, kernels, add, poll);
  },
  store(part, { outputs, inputs }, dtype) {
    const { rank } = part;
    const [left, right] = [narrow(part.left, dtype), narrow(part.right, dtype)];
    return {
      fields: [field('left', dtype, [outputs, rank], left), field('right', dtype, [rank, inputs], right)],
      values: { rank },
      part: { ...part, left: left.values, right: right.values },
      saturated: left.saturated + right.saturated,
    };
  },
  cost({ rank }, size) {
    const parameters = parametersOf(rank, size);
    // Every parameter is used once per token.
    return { parameters, multiplyAdds: parameters, activations: rank };
  },
  bytes: ({ rank }, size, dtype) => parametersOf(rank, size) * elementSize(dtype),
};

function parametersOf(rank: number, { outputs, inputs }: MatrixSize): number {
  return new FactorPair(outputs, inputs).parameters(rank);
}

function field(name: string, dtype: FloatDType, shape: readonly number[], { bytes }: Narrowed): StoredField {
  return { field: name, dtype, shape, bytes };
}
