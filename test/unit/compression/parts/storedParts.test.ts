import assert from 'node:assert/strict';
import { readScales, unpackCodes } from '../../../../extension/checkpoint/quantised/blockCodes';
import { columnsPart } from '../../../../extension/compression/parts/columns';
import type { PartOperations } from '../../../../extension/compression/parts/part';
import { quantisedPart } from '../../../../extension/compression/parts/quantised';
import { sparsePart } from '../../../../extension/compression/parts/sparse';
import { quantiseBlocks } from '../../../../extension/compression/quantisers/quantiseBlocks';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { QUANTISERS } from '../../../../extension/shared/compression/methodOptions';
import type { Part } from '../../../../extension/shared/compression/parts';

const kernels = loadKernels();
const size = { outputs: 3, inputs: 70 };
const w = Float64Array.from({ length: 210 }, (_, i) => Math.sin(i * i) * (1 + (i % 7)));

function dense<P extends Part>(operations: PartOperations<P>, part: P): Float64Array {
  const sum = new Float64Array(size.outputs * size.inputs);
  operations.addTo(sum, part, size, kernels);
  return sum;
}

function storedBytes<P extends Part>(operations: PartOperations<P>, part: P): number {
  return operations.store(part, size, 'BF16').fields.reduce((sum, field) => sum + field.bytes.length, 0);
}

describe('stored parts', () => {
  for (const quantiser of QUANTISERS) {
    it(`${quantiser}: the file's codes and scales decode to the same numbers, in as many bytes as said`, () => {
      const options = { quantiser, bits: 3, block: 16 } as const;
      const part = quantiseBlocks({ w, ...size }, options, { layer: 'a', poll: () => undefined });
      const { fields, values, part: again } = quantisedPart.store(part, size, 'BF16');
      const [codes, scales] = fields;
      const { bits } = part;
      const read = {
        ...part,
        codes: unpackCodes(codes!.bytes, size.inputs, bits),
        scales: readScales(quantiser, scales!.bytes),
      };
      assert.deepEqual(dense(quantisedPart, read), dense(quantisedPart, part));
      assert.deepEqual(dense(quantisedPart, again), dense(quantisedPart, part));
      assert.deepEqual(values, { quantiser, bits, block: part.block });
      assert.equal(storedBytes(quantisedPart, part), quantisedPart.bytes(part, size, 'BF16'));
      assert.deepEqual(codes!.shape, [3, Math.ceil((70 * bits) / 8)]);
      assert.equal(quantisedPart.cost(part, size).parameters, 210 + part.scales.length);
    });
  }

  it('columns are added where they belong', () => {
    const part = {
      kind: 'columns',
      indices: Uint32Array.of(2, 69),
      values: Float64Array.of(1, 2, 3, 4, 5, 1 / 3),
    } as const;
    const sum = dense(columnsPart, part);
    assert.deepEqual([sum[2], sum[69], sum[72], sum[139], sum[142], sum[209]], [1, 2, 3, 4, 5, 1 / 3]);
    assert.equal(sum.filter((value) => value !== 0).length, 6);
    const stored = columnsPart.store(part, size, 'BF16');
    assert.deepEqual([...stored.fields[0]!.bytes], [2, 0, 0, 0, 69, 0, 0, 0]);
    // bfloat16 has 8 significant bits: 171/512.
    assert.equal(stored.part.values[5], 171 / 512);
    assert.equal(storedBytes(columnsPart, part), columnsPart.bytes(part, size, 'BF16'));
    assert.deepEqual(columnsPart.cost(part, size), { parameters: 6, multiplyAdds: 6, activations: 0 });
  });

  it('entries are added where they belong', () => {
    const part = {
      kind: 'sparse',
      rows: Uint32Array.of(0, 2),
      columns: Uint32Array.of(1, 69),
      values: Float64Array.of(7, 1 / 3),
    } as const;
    const sum = dense(sparsePart, part);
    assert.deepEqual([sum[1], sum[209]], [7, 1 / 3]);
    assert.equal(sum.filter((value) => value !== 0).length, 2);
    assert.equal(sparsePart.store(part, size, 'BF16').part.values[1], 171 / 512);
    assert.equal(storedBytes(sparsePart, part), sparsePart.bytes(part, size, 'BF16'));
  });

  it('count values beyond the range of the dtype', () => {
    const part = { kind: 'columns', indices: Uint32Array.of(0), values: Float64Array.of(1e6, 1, -1e5) } as const;
    assert.equal(columnsPart.store(part, size, 'F16').saturated, 2);
  });
});
