/** Tensors that ComfyUI's converter folded into rows of whole blocks are shown and read in their true shape. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { widen } from '../../../../extension/checkpoint/elements/dtype';
import { layersOf } from '../../../../extension/spectral/matrices';
import { floatTensor, ggufFiles, GgufWriter, VALUE, type GgufPair } from '../../../harness/checkpoints/ggufWriter';
import { sharedCase } from '../../../harness/checkpoints/sharedCases';

const writer = new GgufWriter();

function shapePair(tensor: string, shape: readonly number[]): GgufPair {
  const items = shape.map((size) => writer.number(VALUE.I32, size));
  return { key: `comfy.gguf.orig_shape.${tensor}`, type: VALUE.ARRAY, value: writer.array(VALUE.I32, items) };
}

/** Nine blocks of 32 codes −16…15 with the scale 1, as 3 rows of 96. */
function quantised(name: string): { name: string; dims: number[]; type: number; bytes: Uint8Array } {
  const block = Buffer.alloc(34);
  block.writeUInt16LE(0x3c00, 0);
  for (let i = 0; i < 32; i++) block.writeInt8(i - 16, 2 + i);
  return { name, dims: [96, 3], type: 8, bytes: Buffer.concat(Array.from({ length: 9 }, () => block)) };
}

describe('true shapes in the metadata of GGUF files', () => {
  const { opened } = ggufFiles();

  it('of a tensor stored as it is: the shape, and rows of it', async () => {
    const tensors = [floatTensor('w', [6, 12]), floatTensor('other', [6, 12])];
    await opened(writer.file({ pairs: [shapePair('w', [4, 2, 3, 3])], tensors }), async (checkpoint) => {
      const [w, other] = checkpoint.tensors;
      assert.deepEqual(
        [w!.shape, other!.shape],
        [
          [4, 2, 3, 3],
          [6, 12],
        ],
      );
      assert.deepEqual(checkpoint.problems, []);
      const whole = await checkpoint.read(w!);
      assert.deepEqual(whole, await checkpoint.read(other!));
      assert.deepEqual(await checkpoint.read(w!, { start: 1, end: 3 }), whole.slice(72, 216));
    });
  });

  it('of a quantised one, whose rows begin within blocks', async () => {
    const file = writer.file({ pairs: [shapePair('w', [4, 8, 3, 3])], tensors: [quantised('w')] });
    await opened(file, async (checkpoint) => {
      const [w] = checkpoint.tensors;
      assert.deepEqual(w!.shape, [4, 8, 3, 3]);
      const whole = widen(await checkpoint.read(w!), 'F32');
      assert.deepEqual(
        [...whole],
        Array.from({ length: 288 }, (_, i) => (i % 32) - 16),
      );
      for (const [start, end] of [
        [0, 1],
        [1, 2],
        [1, 4],
        [2, 2],
      ] as const) {
        const rows = widen(await checkpoint.read(w!, { start, end }), 'F32');
        assert.deepEqual(rows, whole.slice(72 * start, 72 * end), `rows ${start} to ${end}`);
      }
    });
  });

  for (const [what, pair, reason] of [
    ['another number of elements', shapePair('w', [4, 2, 3]), /the shape \[4, 2, 3\], which has not the 72 elements/],
    ['no sizes', writer.pair('comfy.gguf.orig_shape.w', VALUE.TEXT, 'round'), /no list of sizes \(round\)/],
    ['a negative size', shapePair('w', [-8, -9]), /no list of sizes \(\[-8, -9\]\)/],
  ] as const) {
    it(`with ${what}: the tensor is listed with the reason, not read`, async () => {
      await opened(writer.file({ pairs: [pair], tensors: [floatTensor('w', [6, 12])] }), async (checkpoint) => {
        const [w] = checkpoint.tensors;
        assert.match(w!.unreadable!, reason);
        assert.deepEqual(w!.shape, [6, 12]);
        assert.deepEqual(layersOf(w!), { layers: [], noSpectrum: w!.unreadable });
        await assert.rejects(checkpoint.read(w!), { code: 'unsupported' });
      });
    });
  }

  it('the converter’s file: shapes and elements of the model it was made from', async function () {
    const file = sharedCase(this, 'comfygguf', 'sdxl-unet.gguf');
    const checkpoint = await openModel(file);
    try {
      const shapes = Object.fromEntries(checkpoint.tensors.map(({ name, shape }) => [name, shape]));
      assert.deepEqual(shapes, {
        'input_blocks.7.0.in_layers.2.weight': [64, 32, 3, 3],
        'first.weight': [96, 40],
        'plain.weight': [96, 40],
      });
      const [first, plain] = ['first.weight', 'plain.weight'].map((name) =>
        checkpoint.tensors.find((tensor) => tensor.name === name)!,
      );
      assert.deepEqual(await checkpoint.read(first!), await checkpoint.read(plain!));
      // The archive of reference arrays stores them one after another, as they are.
      const reference = readFileSync(sharedCase(this, 'comfygguf', 'ref.npz'));
      const convolution = Buffer.from(await checkpoint.read(checkpoint.tensors[0]!));
      assert.ok(reference.includes(convolution));
    } finally {
      await checkpoint.close();
    }
  });
});
