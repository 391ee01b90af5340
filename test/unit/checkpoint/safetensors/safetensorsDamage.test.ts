import assert from 'node:assert/strict';
import { safetensorsFormat } from '../../../../extension/checkpoint/safetensors/safetensors';
import { f32Entry, rawSafetensors, safetensorsFiles } from '../../../harness/checkpoints/safetensorsFixtures';

describe('damaged safetensors', () => {
  const { save, opened, outcome } = safetensorsFiles();

  describe('a wrong header', () => {
    const rejects = async (bytes: Uint8Array, code: string, message: RegExp, offset?: number): Promise<void> => {
      const file = save(bytes);
      await assert.rejects(safetensorsFormat.open(file), (error: Error & { code?: string; where?: unknown }) => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        assert.ok(error.message.startsWith(file));
        if (offset !== undefined) assert.deepEqual((error.where as { offset: number }).offset, offset);
        return true;
      });
    };

    it('of a file too short to have one', async () => {
      for (let length = 0; length < 9; length++) await rejects(Buffer.alloc(length), 'truncated', /only \d bytes/);
    });

    it('longer than the file', async () => {
      await rejects(rawSafetensors('{}', 0, 3n), 'truncated', /header of 3 bytes.*ends at byte 10/, 0);
      await rejects(rawSafetensors('{}', 0, 100_000_000n), 'truncated', /fetch it again/, 0);
    });

    it('longer than safetensors allows', async () => {
      await rejects(rawSafetensors('{}', 0, 100_000_001n), 'limit', /100000001 bytes.*100000000/, 0);
      await rejects(rawSafetensors('{}', 0, 2n ** 64n - 1n), 'limit', /18446744073709551615/, 0);
    });

    it('of another format', async () => {
      await rejects(Buffer.from('<!DOCTYPE html><html></html>'), 'unknown-format', /safetensors/);
      await rejects(rawSafetensors('[]'), 'malformed', /begin with "\{"/, 8);
      await rejects(rawSafetensors('', 20), 'malformed', /begin with/);
    });

    it('that is not JSON, with the byte', async () => {
      await rejects(rawSafetensors('{x}'), 'malformed', /expected a string, found "x"/, 9);
      await rejects(rawSafetensors('{"a" 1}'), 'malformed', /":" after a key/, 13);
      await rejects(rawSafetensors('{"a":'), 'malformed', /a value, found the end/, 13);
      await rejects(rawSafetensors('{"a'), 'malformed', /string without an end/, 9);
      await rejects(rawSafetensors('{"a":{"b":[}'), 'malformed', /without an end/, 13);
      await rejects(rawSafetensors('{"\\x":{}}'), 'malformed', /JSON/, 9);
      await rejects(rawSafetensors(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), 'malformed', /UTF-8/, 9);
      await rejects(rawSafetensors('{"a\u0001":1}'), 'malformed', /JSON/, 9);
    });

    it('nested like a bomb', async () => {
      await rejects(rawSafetensors(`{"a":${'['.repeat(1_000_000)}`), 'malformed', /deeper than 64/);
      await rejects(rawSafetensors(`{"a":${'{"a":'.repeat(1_000_000)}`), 'malformed', /deeper than 64/);
    });

    it('keeps the tensors before the place where it breaks off', async () => {
      const text = JSON.stringify({ a: f32Entry([2], 0, 8), b: f32Entry([1], 8, 12) });
      assert.deepEqual(await outcome(rawSafetensors(`${text.slice(0, -1)},"c":{`, 16)), {
        shown: ['a', 'b'],
        problems: ['malformed', 'malformed'],
      });
      assert.deepEqual(await outcome(rawSafetensors(`${text} x`, 12)), { shown: ['a', 'b'], problems: ['malformed'] });
      assert.deepEqual(await outcome(rawSafetensors(`${text} \n\t `, 12)), { shown: ['a', 'b'], problems: [] });
    });
  });

  describe('a wrong entry costs its own tensor only', () => {
    const good = f32Entry([2], 0, 8);
    const beside = async (entry: unknown, dataBytes = 8): Promise<string[]> => {
      const text = `{"bad":${typeof entry === 'string' ? entry : JSON.stringify(entry)},"good":${JSON.stringify(good)}}`;
      const { shown, problems } = await outcome(rawSafetensors(text, dataBytes));
      assert.deepEqual(shown, ['good']);
      return problems;
    };

    it('unknown element type', async () => {
      for (const dtype of ['U4', 'f32', 'F6', 'toString', '', 7, null, undefined]) {
        assert.deepEqual(
          await beside({ dtype, shape: [1], data_offsets: [8, 12] }, 12),
          ['unsupported bad'],
          String(dtype),
        );
      }
    });

    it('shape that is no shape', async () => {
      for (const shape of [
        [-1],
        [1.5],
        ['1'],
        [null],
        '1',
        undefined,
        { length: 1 },
        [1e300],
        [2 ** 53],
        Array(65).fill(1),
      ]) {
        assert.deepEqual(await beside(f32Entry(shape, 8, 12), 12), ['malformed bad'], JSON.stringify(shape));
      }
      assert.deepEqual(await beside('{"dtype":"F32","shape":[-0],"data_offsets":[8,8]}'), ['malformed bad']);
    });

    it('shape whose product overflows', async () => {
      for (const shape of [[2 ** 32, 2 ** 32], [2 ** 52, 2], Array(64).fill(2 ** 20), [4294967296, 4294967296, 1]]) {
        assert.deepEqual(await beside(f32Entry(shape, 0, 0)), ['malformed bad'], String(shape));
      }
    });

    it('but an empty shape is empty however large its other sizes', async () => {
      const text = JSON.stringify({ empty: f32Entry([2 ** 40, 0, 2 ** 40], 0, 0), good });
      assert.deepEqual(await outcome(rawSafetensors(text, 8)), { shown: ['empty', 'good'], problems: [] });
    });

    it('byte length that is not that of the shape', async () => {
      assert.deepEqual(await beside(f32Entry([2], 8, 12), 12), ['malformed bad']);
      assert.deepEqual(await beside(f32Entry([2], 8, 20), 20), ['malformed bad']);
    });

    it('offsets that are no range', async () => {
      for (const offsets of [
        [8],
        [8, 12, 16],
        [12, 8],
        [-4, 0],
        [0.5, 4.5],
        ['8', '12'],
        null,
        'x',
        [2 ** 53, 2 ** 53 + 4],
      ]) {
        assert.deepEqual(
          await beside({ dtype: 'F32', shape: [1], data_offsets: offsets }),
          ['malformed bad'],
          String(offsets),
        );
      }
    });

    it('range outside the file', async () => {
      assert.deepEqual(await beside(f32Entry([1], 8, 12)), ['truncated bad']);
      assert.deepEqual(await beside(f32Entry([2 ** 40], 8, 8 + 2 ** 42)), ['truncated bad']);
    });

    it('an entry that is not an object, or not JSON inside', async () => {
      for (const entry of [
        '1',
        '"x"',
        'null',
        '[]',
        '{}',
        '{"dtype":"F32","shape":[1,],"data_offsets":[8,12]}',
        '{"a":tru}',
      ]) {
        assert.deepEqual(await beside(entry), ['malformed bad'], entry);
      }
    });

    it('an entry too long to be one', async () => {
      assert.deepEqual(await beside(`{"dtype":"F32","shape":[${'1,'.repeat(40_000)}1],"data_offsets":[8,12]}`, 12), [
        'limit bad',
        'malformed',
      ]);
    });
  });

  describe('contradictions between entries', () => {
    it('overlapping tensors: the first stays', async () => {
      const text = JSON.stringify({
        late: f32Entry([2], 4, 12),
        early: f32Entry([2], 0, 8),
        after: f32Entry([1], 12, 16),
      });
      assert.deepEqual(await outcome(rawSafetensors(text, 16)), {
        shown: ['early', 'after'],
        problems: ['malformed late'],
      });
    });

    it('the same range twice', async () => {
      const text = JSON.stringify({ a: f32Entry([2], 0, 8), b: f32Entry([2], 0, 8) });
      assert.deepEqual(await outcome(rawSafetensors(text, 8)), { shown: ['a'], problems: ['malformed b'] });
    });

    it('a name twice, which JSON.parse would hide', async () => {
      const entries = [f32Entry([1], 0, 4), f32Entry([1], 4, 8)].map((entry) => `"a":${JSON.stringify(entry)}`);
      assert.deepEqual(await outcome(rawSafetensors(`{${entries.join(',')}}`, 8)), {
        shown: ['a'],
        problems: ['malformed a'],
      });
      const escaped = `{"a":${JSON.stringify(f32Entry([1], 0, 4))},"\\u0061":${JSON.stringify(f32Entry([1], 4, 8))}}`;
      assert.deepEqual(await outcome(rawSafetensors(escaped, 8)), { shown: ['a'], problems: ['malformed a'] });
    });

    it('a field twice, of which JSON.parse takes the last', async () => {
      const [first, second] = ['F32', 'I32'].map((dtype) => `"dtype":"${dtype}"`);
      for (const twice of [`${first},${second}`, `${first},"dtyp\\u0065":"I32"`, `${first},"shape":[9]`]) {
        const text = `{"a":{${twice},"shape":[2],"data_offsets":[0,8]},"b":${JSON.stringify(f32Entry([1], 8, 12))}}`;
        await opened(rawSafetensors(text, 12), ({ tensors, problems }) => {
          assert.deepEqual(
            tensors.map(({ name }) => name),
            ['b'],
          );
          assert.match(problems[0]!.message, /its header entry gives "(dtype|shape)" twice/);
        });
      }
    });

    it('metadata twice', async () => {
      const meta = '"__metadata__":{"k":"v"}';
      const text = `{${meta},"a":${JSON.stringify(f32Entry([1], 0, 4))},${meta}}`;
      assert.deepEqual(await outcome(rawSafetensors(text, 4)), { shown: ['a'], problems: ['malformed'] });
    });

    it('holes between tensors and bytes after the last', async () => {
      const text = JSON.stringify({ a: f32Entry([1], 4, 8), b: f32Entry([1], 12, 16) });
      await opened(rawSafetensors(text, 20), ({ tensors, problems }) => {
        assert.equal(tensors.length, 2);
        const dataStart = 8 + text.length;
        assert.deepEqual(
          problems.map(({ code, offset }) => [code, offset! - dataStart]),
          [
            ['malformed', 0],
            ['malformed', 8],
            ['malformed', 16],
          ],
        );
        for (const { message } of problems) assert.match(message, /4 bytes belong to no tensor/);
      });
    });

    it('tensors in any order of their bytes are fine', async () => {
      const text = JSON.stringify({ b: f32Entry([1], 4, 8), empty: f32Entry([0], 4, 4), a: f32Entry([1], 0, 4) });
      assert.deepEqual(await outcome(rawSafetensors(text, 8)), { shown: ['b', 'empty', 'a'], problems: [] });
    });

    it('metadata that are not text', async () => {
      await opened(rawSafetensors('{"__metadata__":{"a":"x","n":1,"o":{"b":[true]}}}'), ({ metadata, problems }) => {
        assert.deepEqual(metadata, { a: 'x', n: '1', o: '{"b":[true]}' });
        assert.deepEqual(
          problems.map(({ code }) => code),
          ['malformed', 'malformed'],
        );
      });
      for (const value of ['"x"', '[1]', '{"a"}', 'nul']) {
        assert.deepEqual((await outcome(rawSafetensors(`{"__metadata__":${value}}`))).problems, ['malformed'], value);
      }
    });

    it('are counted, not listed, beyond a thousand', async () => {
      const entries = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`t${i}`, f32Entry([-1], 0, 0)]));
      await opened(rawSafetensors(JSON.stringify(entries)), ({ problems }) => {
        assert.equal(problems.length, 1001);
        assert.match(problems.at(-1)!.message, /2000 further problems/);
      });
    });
  });
});
