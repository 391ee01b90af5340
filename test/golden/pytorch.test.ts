/** The PyTorch files among the reference checkpoints: names, shapes and counts as PyTorch sees them, values as siblings hold them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pytorchFormat } from '../../extension/checkpoint/pytorch/pytorch';
import { sharedFolder } from '../harness/shared';
import { temporaryFolder } from '../harness/temporaryFolder';

const FILES: Readonly<Record<string, { format: string; tensors: number; group?: string }>> = {
  'mtcnn-facenet/onet.pt': { format: 'pytorch', tensors: 21 },
  'mtcnn-facenet/pnet.pt': { format: 'pytorch', tensors: 13 },
  'mtcnn-facenet/rnet.pt': { format: 'pytorch', tensors: 16 },
  'resnet-cifar10/resnet20-12fca82f.th': { format: 'pytorch', tensors: 97, group: 'state_dict' },
  'graph-transformer/transformer_large/model.pt': { format: 'pytorch', tensors: 452 },
  'silero-vad/silero_vad.jit': { format: 'torchscript', tensors: 30 },
  // Counted in their own pickles with Python's pickletools; there are no golden numbers for them.
  'taesd/taef2_decoder.pth': { format: 'pytorch', tensors: 79 },
  'stories260K-llama-derived/pytorch_model.bin': { format: 'pytorch', tensors: 48 },
};

interface Golden {
  tensors: number;
  parameters: number;
  layers: Record<string, { shape: number[] }>;
}

/** A safetensors file read in the plainest way: an 8-byte length, a JSON header, the elements. */
function readSafetensors(file: string): Map<string, { shape: number[]; dtype: string; bytes: Buffer }> {
  const content = readFileSync(file);
  const start = 8 + Number(content.readBigUInt64LE(0));
  const header = JSON.parse(content.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [from, to],
          },
        ]) => [name, { dtype, shape, bytes: content.subarray(start + from, start + to) }],
      ),
  );
}

function defineSuite(shared: string): void {
  const checkpoints = path.join(shared, 'checkpoints');
  const folder = temporaryFolder();

  for (const [name, expected] of Object.entries(FILES)) {
    it(`${name}: names, shapes, counts, and every byte is there`, async () => {
      const checkpoint = await pytorchFormat.open(path.join(checkpoints, name));
      try {
        assert.equal(checkpoint.format, expected.format);
        assert.deepEqual(checkpoint.problems, []);
        assert.equal(checkpoint.tensors.length, expected.tensors);
        const goldenFile = path.join(shared, 'golden', `${name.replaceAll('/', '__')}.json`);
        if (existsSync(goldenFile)) {
          const golden = JSON.parse(readFileSync(goldenFile, 'utf8')) as Golden;
          const shapes = new Map(checkpoint.tensors.map((tensor) => [tensor.name, tensor.shape]));
          const counts = checkpoint.tensors.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
          assert.equal(checkpoint.tensors.length, golden.tensors);
          assert.equal(
            counts.reduce((sum, count) => sum + count, 0),
            golden.parameters,
          );
          for (const [layer, { shape }] of Object.entries(golden.layers))
            assert.deepEqual(shapes.get(layer), shape, layer);
        }
        for (const tensor of checkpoint.tensors) {
          assert.equal(tensor.group, expected.group ?? '');
          // Reading a storage whole also checks its CRC.
          assert.equal((await checkpoint.read(tensor)).length, tensor.byteLength, tensor.name);
        }
      } finally {
        await checkpoint.close();
      }
    });
  }

  for (const name of ['taesd/taef2_decoder.pth', 'graph-transformer/transformer_large/model.pt']) {
    it(`${name} cut in the middle still shows the tensors before the place, bit for bit`, async () => {
      const whole = await pytorchFormat.open(path.join(checkpoints, name));
      const content = readFileSync(whole.path);
      const file = path.join(folder, path.basename(name));
      writeFileSync(file, content.subarray(0, content.length / 2));
      const cut = await pytorchFormat.open(file);
      try {
        assert.ok(cut.tensors.length > whole.tensors.length / 4, `${cut.tensors.length} tensors`);
        assert.equal(cut.tensors.length + cut.problems.length, whole.tensors.length);
        for (const tensor of cut.tensors) {
          const twin = whole.tensors.find((candidate) => candidate.name === tensor.name)!;
          assert.deepEqual(await cut.read(tensor), await whole.read(twin), tensor.name);
        }
      } finally {
        await Promise.all([whole.close(), cut.close()]);
      }
    });
  }

  it('silero_vad.jit cut behind its storages shows the tensors that its pickle names before the place', async () => {
    const whole = await pytorchFormat.open(path.join(checkpoints, 'silero-vad/silero_vad.jit'));
    const content = readFileSync(whole.path);
    const header = content.indexOf('VADr_v6_10_25_noths_re/data.pkl') - 30;
    const code = content.indexOf('VADr_v6_10_25_noths_re/code/') - 30;
    const file = path.join(folder, 'silero_vad.jit');
    // The length it is cut to, and the fewest tensors that are left: all once the pickle is there.
    for (const [length, least] of [
      [header + 3000, 5],
      [header + 6000, 20],
      [code, 30],
      [code + 5000, 30],
      [content.length - 100, 30],
    ] as const) {
      writeFileSync(file, content.subarray(0, length));
      const cut = await pytorchFormat.open(file);
      try {
        assert.equal(cut.format, 'torchscript');
        assert.ok(cut.tensors.length >= least, `${cut.tensors.length} tensors of ${length} bytes`);
        assert.equal(cut.problems.length, 1);
        assert.match(cut.problems[0]!.message, /silero_vad\.jit, byte \d+: .*; fetch it again$/);
        for (const twin of whole.tensors) {
          const tensor = cut.tensors.find(({ name }) => name === twin.name);
          assert.ok(tensor !== undefined || least < 30, twin.name);
          if (tensor) assert.deepEqual(await cut.read(tensor), await whole.read(twin), tensor.name);
        }
      } finally {
        await cut.close();
      }
    }
    writeFileSync(file, content.subarray(0, header - 100_000));
    await assert.rejects(
      pytorchFormat.open(file),
      /silero_vad\.jit, byte \d+: .*data\.pkl.* is not there; fetch it again/,
    );
    await whole.close();
  });

  it('pytorch_model.bin equals the model.safetensors beside it, bit for bit', async () => {
    const folder = path.join(checkpoints, 'stories260K-llama-derived');
    const theirs = readSafetensors(path.join(folder, 'model.safetensors'));
    const checkpoint = await pytorchFormat.open(path.join(folder, 'pytorch_model.bin'));
    try {
      assert.equal(checkpoint.tensors.length, theirs.size);
      for (const tensor of checkpoint.tensors) {
        const twin = theirs.get(tensor.name);
        assert.deepEqual([tensor.shape, tensor.dtype], [twin?.shape, twin?.dtype], tensor.name);
        assert.ok(Buffer.from(await checkpoint.read(tensor)).equals(twin!.bytes), tensor.name);
      }
    } finally {
      await checkpoint.close();
    }
  });
}

if (sharedFolder === undefined) {
  console.log('The reference checkpoints are not beside the repository: PyTorch files are not compared with them.');
} else {
  const shared = sharedFolder;
  describe('PyTorch reference checkpoints', () => defineSuite(shared));
}
