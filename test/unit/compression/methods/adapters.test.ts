/** Initial adapters and their bases, against PEFT. `adapterFixtures.py` wrote the fixture. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compressMatrix, type StoredLayer } from '../../../../extension/compression/compressMatrix';
import { partOperations } from '../../../../extension/compression/parts/registry';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import type { Part, ProductPart } from '../../../../extension/shared/compression/parts';
import type { LayerChoice } from '../../../../extension/shared/compression/plans';
import { frobenius, randomMatrix } from '../../../harness/numbers/denseReference';
import { repositoryRoot } from '../../../harness/shared';

interface Started {
  base: string;
  product: string;
}

const fixture = JSON.parse(
  readFileSync(path.join(repositoryRoot, 'test/unit/compression/methods/adapterFixtures.json'), 'utf8'),
) as {
  outputs: number;
  inputs: number;
  rank: number;
  matrix: string;
  pissa: Started;
  olora: Started;
  loftq: Record<string, Started>;
};

const kernels = loadKernels();
const { outputs, inputs, rank } = fixture;
const w = floats(fixture.matrix);

function floats(base64: string): Float64Array {
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'));
  return new Float64Array(new Float32Array(bytes.buffer));
}

function compress(choice: LayerChoice, matrix = w): StoredLayer {
  const input = { layer: 'fc.weight', w: matrix, outputs, inputs, storedBytes: 4 * matrix.length };
  return compressMatrix(input, choice, {}, 'F64', { kernels, poll: () => undefined });
}

function dense(part: Part): Float64Array {
  const sum = new Float64Array(outputs * inputs);
  partOperations<Part>(part.kind).addTo(sum, part, { outputs, inputs }, kernels);
  return sum;
}

/** PEFT computes in float32. */
function assertNear(got: Float64Array, expected: Float64Array): void {
  const distance = frobenius(got.map((value, i) => value - expected[i]!)) / frobenius(w);
  assert.ok(distance < 2e-6, `${distance} apart`);
}

describe('initial adapters', () => {
  for (const method of ['pissa', 'olora'] as const) {
    it(`${method}: adapter and base are PEFT’s`, () => {
      const { parts, base } = compress({ method, rank });
      assertNear(dense(parts[0]!.part), floats(fixture[method].product));
      assertNear(base!.values, floats(fixture[method].base));
    });

    it(`${method}: base and adapter are W, at every rank`, () => {
      for (const each of [1, 7, outputs]) {
        assert.ok(compress({ method, rank: each }).measured.relative_error < 1e-14);
      }
    });
  }

  for (const rounds of [1, 2]) {
    it(`loftq: adapter and base are PEFT’s after ${rounds} rounds of nf4`, () => {
      const expected = fixture.loftq[`nf4 ${rounds}`]!;
      const { parts, base, measured } = compress({ method: 'loftq', rank, rounds, quantiser: 'nf4', block: 64 });
      assert.equal(measured.rounds!.length, rounds);
      assert.equal(parts.length, 1);
      assertNear(base!.values, floats(expected.base));
      assertNear(dense(parts[0]!.part), floats(expected.product));
    });
  }

  it('olora: the left factor has orthonormal columns', () => {
    const { left } = compress({ method: 'olora', rank }).parts[0]!.part as ProductPart;
    const gram = kernels.multiply(left, left, rank, rank, outputs, true, false);
    gram.forEach((value, i) => {
      const expected = i % (rank + 1) === 0 ? 1 : 0;
      assert.ok(Math.abs(value - expected) < 1e-13);
    });
  });

  it('olora: says which directions of dependent columns cannot train', () => {
    const matrix = randomMatrix(outputs, inputs, 1);
    for (let row = 0; row < outputs; row++) matrix[row * inputs + 2] = 3 * matrix[row * inputs]!;
    const { measured } = compress({ method: 'olora', rank }, matrix);
    assert.ok(measured.relative_error < 1e-14);
    assert.match(measured.notes.join(), /^1 of the first 4 columns depend/);
  });
});
