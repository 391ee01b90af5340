/** Damaged manifests of weights in parts: what does not fit is told, and what is read has the size that it says. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../extension/checkpoint/openModel';
import type { PartsWeight } from '../../extension/shared/compression/parts';
import { temporaryFolder } from '../harness/temporaryFolder';
import { partsFileBytes, partsOfAllKinds } from '../unit/checkpoint/parts/partsFiles';
import { Random } from './random';
import { damageStructure } from './structure';
import { openAndRead } from './target';

const CASES = 300;

/** What stands wrong in a manifest: other sizes, other tensors, other kinds. */
const VALUES: readonly unknown[] = [
  ...[null, true, 0, 1, -1, 0.5, 3, 4, 5, 7, 8, 64, 1e300, 2 ** 31, 2 ** 53, '', 'product', 'quantised', 'nf4', 'int8'],
  ...['F32', 'F64', 'x', [], [1], [5, 7], [7, 5], [1e9, 1e9], [-1, 2], {}, { left: 'x' }, { kind: 'product' }],
];
const KEYS = ['kind', 'shape', 'parts', 'tensors', 'rank', 'bits', 'block', 'transposed', 'x', '', 'toString'];

function damaged(weights: Readonly<Record<string, PartsWeight>>, random: Random): Record<string, PartsWeight> {
  const copy = structuredClone(weights) as Record<string, PartsWeight>;
  damageStructure(copy, random, { values: VALUES, keys: KEYS, foreignOneIn: 4 });
  return copy;
}

describe('damaged manifests of weights in parts', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();

  it(`are told as problems, or refused in words (${CASES} changes of structure)`, async () => {
    const { tensors, weights } = partsOfAllKinds('F32');
    const file = path.join(folder, 'damaged.safetensors');
    const outcomes = new Map<string, number>();
    for (let index = 0; index < CASES; index++) {
      const random = new Random('manifest', index);
      writeFileSync(file, partsFileBytes({ tensors, weights: damaged(weights, random) }));
      try {
        const outcome = await openAndRead(openModel, file, random);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      } catch (error) {
        throw new Error(`case ${index}`, { cause: error });
      }
    }
    // Most damage is seen; some only takes a weight away, or changes a size to one that fits.
    assert.ok((outcomes.get('partial') ?? 0) > CASES / 2, JSON.stringify([...outcomes]));
  });
});
