import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../extension/checkpoint/openModel';
import { copiedTensor, type TensorPatch } from '../../../extension/compression/copiedTensor';
import { safetensorsHeader } from '../../harness/checkpoints/madeCheckpoints';

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

  it('uses the memory of a band again only when it is written', async () => {
    const copy = createHash('sha256');
    const memory = new Set<ArrayBufferLike>();
    let waiting = Promise.resolve();
    for (const tensor of checkpoint.tensors) {
      for (const copied of copiedTensor(checkpoint, tensor)) {
        // As the appender does: one write lasts until long after the next band is handed over.
        await copied.write(async (bytes, onWritten) => {
          memory.add(bytes.buffer);
          const before = waiting;
          waiting = before
            .then(() => new Promise((resolve) => setTimeout(resolve, 5)))
            .then(() => {
              copy.update(bytes);
              onWritten?.();
            });
          await before;
        }, undefined);
      }
    }
    await waiting;
    assert.equal(copy.digest('hex'), createHash('sha256').update(content).update(content.toReversed()).digest('hex'));
    assert.ok(memory.size <= 3, `${memory.size} bands of memory`);
  });

  it('never uses memory again that nobody says is written', async () => {
    const bands: Uint8Array[] = [];
    await copied(checkpoint, 'a', [], bands);
    await copied(checkpoint, 'b', [], bands);
    assert.deepEqual(Buffer.concat(bands).equals(Buffer.concat([content, content.toReversed()])), true);
  });

  it('overwrites the bytes of a patch across bands', async () => {
    const patch = { offset: 4 * 1024 * 1024 - 3, bytes: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    const bands: Uint8Array[] = [];
    await copied(checkpoint, 'a', [patch], bands);
    const expected = content.slice();
    expected.set(patch.bytes, patch.offset);
    assert.equal(Buffer.concat(bands).equals(expected), true);
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
      await assert.rejects(copied(changing, 'a', [], []), { code: 'changed' });
    } finally {
      await changing.close();
    }
  });
});

async function copied(
  checkpoint: Checkpoint,
  name: string,
  patches: readonly TensorPatch[],
  bands: Uint8Array[],
): Promise<void> {
  const tensor = checkpoint.tensors.find((each) => each.name === name)!;
  for (const copy of copiedTensor(checkpoint, tensor, patches)) {
    await copy.write((bytes) => Promise.resolve(void bands.push(bytes)), undefined);
  }
}
