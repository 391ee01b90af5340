import assert from 'node:assert/strict';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { tieNotes } from '../../../extension/compression/tieNotes';
import { madeTensor, memoryCheckpoint, type MadeTensor } from './savingFixture';

const silent = { tied: false, untied: false };

describe('what compressing one of a tied pair does', () => {
  const embedding = madeTensor('model.embed_tokens.weight', 'F32', [6, 4]);
  const copy: MadeTensor = { ...embedding, name: 'lm_head.weight' };
  const other = madeTensor('lm_head.weight', 'F32', [6, 4], 99);
  const linear = madeTensor('model.fc.weight', 'F32', [6, 4], 5);

  const notes = (checkpoint: Checkpoint, name: string, config = silent, together = [name]): Promise<string[]> => {
    const tensor = checkpoint.tensors.find((candidate) => candidate.name === name)!;
    return tieNotes(checkpoint, tensor, config, new Set(together));
  };

  it('is said where both are in the file: known to be tied, or found to hold the same numbers', async () => {
    const known = memoryCheckpoint([embedding, { ...copy, sharedWith: embedding.name }]);
    const found = memoryCheckpoint([embedding, copy]);
    for (const checkpoint of [known, found]) {
      const [first, ...rest] = await notes(checkpoint, embedding.name);
      assert.match(first!, /same numbers as lm_head\.weight \(tied weights\), which stays as it is/);
      assert.deepEqual(rest, []);
      assert.match((await notes(checkpoint, copy.name))[0]!, /same numbers as model\.embed_tokens\.weight/);
      assert.deepEqual(await notes(checkpoint, copy.name, silent, [copy.name, embedding.name]), []);
    }
  });

  it('is said where the output matrix is not stored', async () => {
    const alone = memoryCheckpoint([embedding, linear]);
    assert.match((await notes(alone, embedding.name))[0]!, /No output matrix \(lm_head\) is stored/);
    const tied = { tied: true, untied: false };
    assert.match((await notes(alone, embedding.name, tied))[0]!, /the configuration ties it to this embedding/);
  });

  it('is nothing where the two are apart, or the layer is another', async () => {
    const untied = { tied: false, untied: true };
    assert.deepEqual(await notes(memoryCheckpoint([embedding, other]), embedding.name), []);
    assert.deepEqual(await notes(memoryCheckpoint([embedding, copy]), embedding.name, untied), []);
    assert.deepEqual(await notes(memoryCheckpoint([embedding]), embedding.name, untied), []);
    assert.deepEqual(await notes(memoryCheckpoint([embedding, linear]), linear.name), []);
  });
});
