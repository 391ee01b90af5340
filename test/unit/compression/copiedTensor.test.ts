import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../extension/checkpoint/openModel';
import { copiedTensor, type TensorPatch } from '../../../extension/compression/copiedTensor';
import { safetensorsHeader } from '../../harness/checkpoints/madeCheckpoints';
import { writtenBytes } from '../../harness/writtenBytes';

const ROWS = 3000;
const COLS = 5000;
/** Some bands and a part of one. */
const BYTES = ROWS * COLS;

const content = new Uint8Array(BYTES);
for (let i = 0; i < BYTES; i++) content[i] = (Math.imul(i, 2654435761) >>> 13) & 0xff;

describe('copying a tensor', () => {
  let folder: string;
  let checkpoint: Checkpoint;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-copy-'));
    const tensors = ['a', 'b'].map((name) => ({ name, shape: [ROWS, COLS] }));
    const { header } = safetensorsHeader(tensors, 'U8', 1);
    writeFileSync(path.join(folder, 'm.safetensors'), Buffer.concat([header, content, content.toReversed()]));
    checkpoint = await openModel(path.join(folder, 'm.safetensors'));
  });

  after(async () => {
    await checkpoint.close();
    rmSync(folder, { recursive: true });
  });

  it('goes from file to file, several tensors in a row', async () => {
    assert.ok((await copied(checkpoint, ['a', 'b'])).equals(Buffer.concat([content, content.toReversed()])));
  });

  it('stops between two bands', async () => {
    const abort = new AbortController();
    abort.abort();
    await assert.rejects(copied(checkpoint, ['a'], [], abort.signal), { name: 'AbortError' });
  });

  it('overwrites the bytes of a patch across bands', async () => {
    const patch = { offset: 4 * 1024 * 1024 - 3, bytes: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    const expected = content.slice();
    expected.set(patch.bytes, patch.offset);
    assert.ok((await copied(checkpoint, ['a'], [patch])).equals(expected));
  });

  it('copies what is made or cut out of stored tensors as it is read', () => {
    const [tensor] = checkpoint.tensors;
    const folded = { ...tensor!, folded: { of: tensor!, axes: { stack: [], rows: [1], cols: [0] } } };
    const runs = { length: 1, stride: 1, count: 1, first: 0 };
    const slice = { ...tensor!, slice: { of: tensor!, rows: runs, cols: runs } };
    assert.ok(checkpoint.storedBytes?.(tensor!));
    assert.equal(checkpoint.storedBytes?.(folded as never), undefined);
    assert.equal(checkpoint.storedBytes?.(slice as never), undefined);
  });

  it('says so when the file changes meanwhile', async () => {
    const other = path.join(folder, 'changed.safetensors');
    const { header } = safetensorsHeader([{ name: 'a', shape: [ROWS, COLS] }], 'U8', 1);
    writeFileSync(other, Buffer.concat([header, content]));
    const changing = await openModel(other);
    try {
      writeFileSync(other, Buffer.concat([header, content.toReversed(), content]));
      await assert.rejects(copied(changing, ['a']), { code: 'changed' });
    } finally {
      await changing.close();
    }
  });
});

function copied(
  checkpoint: Checkpoint,
  names: readonly string[],
  patches: readonly TensorPatch[] = [],
  signal?: AbortSignal,
): Promise<Buffer> {
  return writtenBytes(async (append) => {
    for (const name of names) {
      const tensor = checkpoint.tensors.find((each) => each.name === name)!;
      for (const copy of copiedTensor(checkpoint, tensor, patches)) await copy.write(append, signal);
    }
  }, signal);
}
