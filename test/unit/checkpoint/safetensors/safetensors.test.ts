import assert from 'node:assert/strict';
import { appendFileSync, closeSync, ftruncateSync, openSync, truncateSync, writeSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { elementSize } from '../../../../extension/checkpoint/elements/dtype';
import { safetensorsFormat } from '../../../../extension/checkpoint/safetensors/safetensors';
import type { DType } from '../../../../extension/shared/tensors';
import { makeManyTensors } from '../../../harness/checkpoints/madeCheckpoints';
import {
  f32Entry,
  ramp,
  rawSafetensors,
  safetensorsBytes,
  safetensorsFiles,
  type FixtureTensor,
} from '../../../harness/checkpoints/safetensorsFixtures';

describe('safetensors', () => {
  const { folder, save, opened, outcome } = safetensorsFiles();

  describe('a sound file', () => {
    it('shows tensors in the order of the header, and its metadata', async () => {
      const tensors = [ramp('z', [2, 3]), ramp('10', []), ramp('a', [4], 7), ramp('2', [0, 5])];
      await opened(safetensorsBytes(tensors, { format: 'pt', __proto__x: 'y' }), (checkpoint, file) => {
        assert.equal(checkpoint.format, 'safetensors');
        assert.deepEqual([checkpoint.path, checkpoint.files], [file, [file]]);
        assert.deepEqual(checkpoint.metadata, { format: 'pt', __proto__x: 'y' });
        assert.deepEqual(checkpoint.problems, []);
        // JSON.stringify of the fixture puts number-like keys first.
        assert.deepEqual(
          checkpoint.tensors.map(({ name, shape, dtype, byteLength, group }) => [
            name,
            shape,
            dtype,
            byteLength,
            group,
          ]),
          [
            ['2', [0, 5], 'F32', 0, ''],
            ['10', [], 'F32', 4, ''],
            ['z', [2, 3], 'F32', 24, ''],
            ['a', [4], 'F32', 16, ''],
          ],
        );
      });
    });

    it('keeps names that are special to JavaScript or need unescaping', async () => {
      const names = ['__proto__', 'constructor', 'größe "x"\\', 'tab\tnewline\n', '層.重み', '😀', ''];
      const text = `{${names.map((name, i) => `${JSON.stringify(name)}:${JSON.stringify(f32Entry([1], 4 * i, 4 * i + 4))}`).join(',')}}`;
      assert.deepEqual(await outcome(rawSafetensors(text, 4 * names.length)), { shown: names, problems: [] });
    });

    it('keeps metadata whose keys are special to JavaScript', async () => {
      await opened(rawSafetensors('{"__metadata__":{"__proto__":"a","toString":"b"}}'), ({ metadata, problems }) => {
        assert.deepEqual(Object.entries(metadata), [
          ['__proto__', 'a'],
          ['toString', 'b'],
        ]);
        assert.deepEqual(problems, []);
      });
    });

    it('knows every element type of the format that it can widen', async () => {
      const types: DType[] = [
        'F64',
        'F32',
        'F16',
        'BF16',
        'F8_E4M3',
        'F8_E5M2',
        'F8_E4M3FNUZ',
        'F8_E5M2FNUZ',
        'F8_E8M0',
        'I64',
        'I32',
        'I16',
        'I8',
        'U64',
        'U32',
        'U16',
        'U8',
        'BOOL',
        'C64',
      ];
      const tensors = types.map((dtype): FixtureTensor => ({
        name: dtype,
        dtype,
        shape: [3],
        bytes: new Uint8Array(3 * elementSize(dtype)),
      }));
      assert.deepEqual(await outcome(safetensorsBytes(tensors)), { shown: types, problems: [] });
    });

    it('takes convolution kernels for PyTorch’s unless names or metadata are TensorFlow’s', async () => {
      const layouts = async (names: string[], metadata?: Record<string, string>): Promise<string[]> =>
        opened(
          safetensorsBytes(
            names.map((name) => ramp(name, [1, 1, 1, 1])),
            metadata,
          ),
          ({ tensors }) => tensors.map((tensor) => tensor.kernelLayout),
        );
      const names = [
        'conv1.weight',
        'a/conv/kernel',
        'a/kernel/part_0',
        'conv/weights:0',
        'kernel.weight',
        'a/kernels/x',
      ];
      assert.deepEqual(await layouts(names), ['OI…', '…IO', '…IO', '…IO', 'OI…', 'OI…']);
      assert.deepEqual(await layouts(['conv.kernel'], { format: 'flax' }), ['…IO']);
      assert.deepEqual(await layouts(['conv.weight'], { format: 'pt' }), ['OI…']);
    });

    it('reads bands of rows, bit for bit', async () => {
      const values = Float32Array.from({ length: 12 }, (_, i) => i + 0.5);
      await opened(
        safetensorsBytes([ramp('before', [5]), ramp('w', [4, 3]), ramp('scalar', [], 9), ramp('none', [0, 3])]),
        async (checkpoint) => {
          const [, w, scalar, none] = checkpoint.tensors;
          const floats = async (...args: Parameters<Checkpoint['read']>): Promise<number[]> => [
            ...new Float32Array((await checkpoint.read(...args)).slice().buffer),
          ];
          assert.deepEqual(await floats(w!), [...values]);
          assert.deepEqual(await floats(w!, { start: 1, end: 3 }), [...values.slice(3, 9)]);
          assert.deepEqual(await floats(w!, { start: 4, end: 4 }), []);
          assert.deepEqual(await floats(scalar!, { start: 0, end: 1 }), [9.5]);
          assert.deepEqual(await floats(none!, { start: 0, end: 0 }), []);
          for (const rows of [
            { start: -1, end: 2 },
            { start: 0, end: 5 },
            { start: 3, end: 2 },
            { start: 0.5, end: 2 },
          ]) {
            await assert.rejects(checkpoint.read(w!, rows), RangeError);
          }
        },
      );
    });

    it('reads back whatever was written (random tensors, random bands)', async () => {
      const tensor = fc.record({
        name: fc.string({ unit: 'grapheme' }),
        shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
        dtype: fc.constantFrom<DType>('F32', 'F16', 'I64', 'U8'),
      });
      const seed = fc.integer({ min: 0, max: 255 });
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 8 }),
          seed,
          async (made, first) => {
            const tensors = made
              .filter(({ name }) => name !== '__metadata__')
              .map(({ name, shape, dtype }): FixtureTensor => {
                const length = shape.reduce((a, b) => a * b, elementSize(dtype));
                return { name, shape, dtype, bytes: Uint8Array.from({ length }, (_, i) => (first + 31 * i) & 255) };
              });
            await opened(safetensorsBytes(tensors), async (checkpoint) => {
              assert.deepEqual(checkpoint.problems, []);
              assert.equal(checkpoint.tensors.length, tensors.length);
              for (const { name, shape, bytes } of tensors) {
                const info = checkpoint.tensors.find((candidate) => candidate.name === name)!;
                assert.deepEqual(info.shape, shape);
                assert.deepEqual(await checkpoint.read(info), bytes);
                const rows = shape[0] ?? 1;
                const [start, end] = [first % (rows + 1), rows];
                const rowBytes = rows === 0 ? 0 : bytes.length / rows;
                assert.deepEqual(
                  await checkpoint.read(info, { start, end }),
                  bytes.slice(start * rowBytes, end * rowBytes),
                );
              }
            });
          },
        ),
        { numRuns: 60, seed: 1 },
      );
    });

    it('opens 100 000 tensors', async () => {
      const file = makeManyTensors(path.join(folder, 'many'));
      const checkpoint = await safetensorsFormat.open(file);
      assert.equal(checkpoint.tensors.length, 100_000);
      assert.deepEqual(checkpoint.problems, []);
      await checkpoint.close();
    });
  });

  describe('a file cut short', () => {
    it('shows the tensors that are whole, at every length', async () => {
      const bytes = safetensorsBytes([ramp('a', [3]), ramp('b', [2, 2]), ramp('c', [1])]);
      const dataStart = bytes.length - 32;
      for (let length = 9; length < bytes.length; length++) {
        const cut = bytes.subarray(0, length);
        if (length < dataStart) {
          await assert.rejects(safetensorsFormat.open(save(cut)), { code: 'truncated' }, String(length));
          continue;
        }
        const whole = [12, 28].filter((end) => length >= dataStart + end).length;
        const names = ['a', 'b', 'c'];
        assert.deepEqual(await outcome(cut), {
          shown: names.slice(0, whole),
          problems: names.slice(whole).map((name) => `truncated ${name}`),
        });
      }
    });

    it('while it is open is noticed', async () => {
      await opened(safetensorsBytes([ramp('a', [30])]), async (checkpoint, file) => {
        truncateSync(file, 150);
        await assert.rejects(checkpoint.read(checkpoint.tensors[0]!), { code: 'changed' });
      });
    });
  });

  describe('reading', () => {
    it('stops when it is told to', async () => {
      const file = save(safetensorsBytes([ramp('a', [3])]));
      await assert.rejects(safetensorsFormat.open(file, AbortSignal.abort()), { name: 'AbortError' });
      const checkpoint = await safetensorsFormat.open(file);
      await assert.rejects(checkpoint.read(checkpoint.tensors[0]!, undefined, AbortSignal.abort()), {
        name: 'AbortError',
      });
      await checkpoint.close();
    });

    it('refuses a file that was replaced, and one that was closed', async () => {
      await opened(safetensorsBytes([ramp('a', [3])]), async (checkpoint, file) => {
        appendFileSync(file, 'more');
        await assert.rejects(checkpoint.read(checkpoint.tensors[0]!), { code: 'changed' });
        await checkpoint.close();
        await assert.rejects(checkpoint.read(checkpoint.tensors[0]!), { code: 'io' });
      });
    });

    // Windows would write all the zeros of so large a file.
    if (process.platform !== 'win32') {
      it('takes a band of a tensor larger than memory', async () => {
        const rows = 2 ** 22;
        const text = JSON.stringify({
          huge: { dtype: 'F64', shape: [rows, 2 ** 17], data_offsets: [0, rows * 2 ** 20] },
        });
        const file = path.join(folder, 'huge.safetensors');
        const handle = openSync(file, 'w');
        writeSync(handle, rawSafetensors(text));
        ftruncateSync(handle, 8 + text.length + rows * 2 ** 20);
        closeSync(handle);
        const checkpoint = await safetensorsFormat.open(file);
        const [huge] = checkpoint.tensors;
        assert.equal((await checkpoint.read(huge!, { start: rows - 1, end: rows })).length, 2 ** 20);
        await assert.rejects(checkpoint.read(huge!), { code: 'limit', message: /fewer rows/ });
        await checkpoint.close();
      });
    }
  });
});
