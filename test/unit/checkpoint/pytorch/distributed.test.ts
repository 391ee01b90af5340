/** Distributed checkpoints as two ranks of PyTorch wrote them (`torchFolderFixtures.py`). */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CheckpointError } from '../../../../extension/checkpoint/checkpointError';
import { namesOf, readHex } from '../../../harness/checkpoints/torchFiles';
import { layTorchFolder, torchFolders } from '../../../harness/checkpoints/torchFolders';
import { distributedFolders, expected, TYPES } from '../../../harness/checkpoints/distributedFolders';

describe('distributed checkpoints', () => {
  const { fresh, laid, open, refusal, problemsOf } = distributedFolders();

  describe('of two ranks of PyTorch', () => {
    for (const [what, target] of [
      ['its folder', '.'],
      ['its metadata', '.metadata'],
      ['one of its files', '__1_0.distcp'],
    ] as const) {
      it(`opened by ${what}: each tensor is put together from its chunks`, async () => {
        const checkpoint = await open(path.join(laid(), target));
        assert.deepEqual(checkpoint.problems, []);
        assert.equal(checkpoint.format, 'distributed');
        assert.deepEqual(checkpoint.files.map((file) => path.basename(file)).sort(), [
          '.metadata',
          '__0_0.distcp',
          '__1_0.distcp',
        ]);
        assert.equal(checkpoint.weightFiles, 2);
        assert.deepEqual(namesOf(checkpoint).sort(), Object.keys(expected).sort());
        for (const tensor of checkpoint.tensors) {
          const { shape, dtype, bytes } = expected[tensor.name]!;
          assert.deepEqual([tensor.shape, tensor.dtype], [shape, TYPES[dtype]], tensor.name);
          assert.equal(await readHex(checkpoint, tensor.name), bytes, tensor.name);
        }
      });
    }

    it('every band of rows is that of the whole', async () => {
      const checkpoint = await open(laid());
      for (const tensor of checkpoint.tensors) {
        const { bytes } = expected[tensor.name]!;
        const rows = tensor.shape[0] ?? 1;
        const row = bytes.length / rows;
        for (let start = 0; start < rows; start++) {
          for (let end = start; end <= rows; end++) {
            const band = await readHex(checkpoint, tensor.name, { start, end });
            assert.equal(band, bytes.slice(start * row, end * row), `${tensor.name} ${start} to ${end}`);
          }
        }
      }
    });

    it('lists objects that are no tensors', async () => {
      const { metadata } = await open(laid());
      assert.deepEqual(Object.keys(metadata).sort(), ['learning_rate', 'steps']);
      assert.match(metadata.learning_rate!, /^\d+ bytes, no tensor$/);
    });

    it('a missing file costs the tensors that have a chunk in it', async () => {
      const folder = laid();
      rmSync(path.join(folder, '__1_0.distcp'));
      const checkpoint = await open(folder);
      assert.deepEqual(namesOf(checkpoint), ['layers.replicated', 'layers.step', 'layers.brain']);
      assert.deepEqual(problemsOf(checkpoint), ['missing-shard']);
      assert.match(checkpoint.problems[0]!.message, /__1_0\.distcp: the file is missing, so 4 tensors \(layers\.rows/);
    });

    it('files without their metadata say what is missing', async () => {
      const folder = laid();
      rmSync(path.join(folder, '.metadata'));
      const { code, message } = await refusal(folder);
      assert.equal(code, 'missing-shard');
      assert.match(message, /distcp: is one of a distributed checkpoint's files, and \.metadata.*is missing/);
    });

    it('a file that was cut anywhere costs the tensors behind the place', async () => {
      const folder = laid();
      const file = path.join(folder, '__0_0.distcp');
      const whole = readFileSync(file);
      for (let length = 0; length < whole.length; length += 499) {
        truncateSync(file, length);
        const checkpoint = await open(folder);
        const lost = checkpoint.problems.length;
        assert.ok(lost > 0 && checkpoint.tensors.length === 7 - lost, `${length} bytes`);
        for (const { code } of checkpoint.problems) assert.equal(code, 'truncated');
        for (const { name } of checkpoint.tensors) {
          assert.equal(await readHex(checkpoint, name), expected[name]!.bytes, `${name}, ${length} bytes`);
        }
        writeFileSync(file, whole);
      }
    });

    it('metadata that were cut anywhere are refused', async () => {
      const folder = laid();
      const file = path.join(folder, '.metadata');
      const whole = readFileSync(file);
      for (let length = 1; length < whole.length; length += 13) {
        writeFileSync(file, whole.subarray(0, length));
        const { code } = await refusal(file);
        assert.ok(['truncated', 'malformed'].includes(code), `${code}, ${length} bytes`);
      }
    });

    it('notices files that changed', async () => {
      const folder = laid();
      const checkpoint = await open(folder);
      appendFileSync(path.join(folder, '__1_0.distcp'), 'x');
      const rows = checkpoint.tensors.find(({ name }) => name === 'layers.rows')!;
      await assert.rejects(checkpoint.read(rows), { code: 'changed', message: /__1_0\.distcp/ });
      const step = checkpoint.tensors.find(({ name }) => name === 'layers.step')!;
      assert.equal((await checkpoint.read(step)).length, 4);
    });

    it('a record whose bytes are damaged is told with its tensor and place', async () => {
      const folder = laid();
      const file = path.join(folder, '__0_0.distcp');
      const bytes = readFileSync(file);
      // The object of each record: nothing is a known opcode there any more.
      for (let at = bytes.indexOf('FB'); at >= 0; at = bytes.indexOf('FB', at + 1)) bytes.fill(0xff, at + 20, at + 60);
      writeFileSync(file, bytes);
      const checkpoint = await open(folder);
      assert.equal(checkpoint.tensors.length, 7);
      const step = checkpoint.tensors.find(({ name }) => name === 'layers.step')!;
      await assert.rejects(checkpoint.read(step), (error) => {
        assert.ok(error instanceof CheckpointError);
        assert.match(error.message, /__0_0\.distcp.*, tensor layers\.step, byte \d+: /);
        return true;
      });
    });

    it('the state of one rank in a plain file shows its parts, and says that they are parts', async () => {
      const folder = fresh();
      layTorchFolder('state of one rank', folder);
      const checkpoint = await open(path.join(folder, 'rank0.pt'));
      const local = torchFolders['state of one rank']!.tensors;
      for (const [name, { shape, bytes }] of Object.entries(local)) {
        const tensor = checkpoint.tensors.find((candidate) => candidate.name === name)!;
        assert.deepEqual(tensor.shape, shape, name);
        assert.equal(await readHex(checkpoint, name), bytes, name);
      }
      const grid = checkpoint.tensors.find(({ name }) => name === 'layers.grid')!;
      assert.deepEqual(grid.shape, [5, 4]);
      assert.match(grid.unreadable!, /of which 2 parts are in this file/);
      assert.deepEqual(problemsOf(checkpoint), ['missing-shard']);
      assert.match(
        checkpoint.problems[0]!.message,
        /part of 3 tensors \(layers\.rows, \[3, 4\] of \[5, 4\], layers\.columns/,
      );
    });
  });
});
