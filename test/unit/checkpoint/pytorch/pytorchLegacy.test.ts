/** Files of PyTorch before 1.6: pickles one after the other, then the storages. */
import assert from 'node:assert/strict';
import { CheckpointError } from '../../../../extension/checkpoint/checkpointError';
import * as p from '../../../harness/checkpoints/pickleWriter';
import { namesOf, readHex, torchFolder } from '../../../harness/checkpoints/torchFiles';

const good = { key: 'good', shape: [2, 3] };
const goodData = { good: p.ramp(6) };

describe('PyTorch files', () => {
  const { open } = torchFolder();

  describe('legacy files', () => {
    const object = p.dict(['a', p.tensor({ key: '0', shape: [4, 2] })], ['good', p.tensor(good)]);
    const storages = { 0: p.ramp(8), ...goodData };

    it('a legacy file cut anywhere shows the tensors before the place', async () => {
      const stored = [
        { key: '0', count: 8, bytes: storages[0] },
        { key: 'good', count: 6, bytes: storages.good },
      ];
      const bytes = p.legacyFile(object, stored);
      const firstEnd = bytes.length - 8 - 24;
      const pickles = firstEnd - 8 - 32;
      assert.equal((await open(bytes)).problems.length, 0);
      for (let length = 1; length < bytes.length; length++) {
        const cut = bytes.subarray(0, length);
        if (length < pickles) {
          const code = await open(cut).then(
            ({ problems }) => problems[0]?.code,
            (error: unknown) => (error instanceof CheckpointError ? error.code : error),
          );
          assert.equal(code, 'truncated', `${length} bytes`);
          continue;
        }
        const checkpoint = await open(cut);
        assert.deepEqual(namesOf(checkpoint), length < firstEnd ? [] : ['a'], `${length} bytes`);
        // One problem for each tensor that is lost, with the cause, and none beside them.
        assert.deepEqual(
          checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
          (length < firstEnd ? ['a', 'good'] : ['good']).map((name) => ['truncated', name]),
        );
        assert.match(checkpoint.problems[0]!.message, /, byte \d+: the (file|pickle) ends .*; fetch it again$/);
      }
    });

    it('a legacy file that lacks only what no tensor needs says so', async () => {
      const root = p.dict(['a', p.tensor({ key: '0', shape: [4, 2] })], ['empty', p.tensor({ key: 'e', shape: [0] })]);
      const stored = [
        { key: '0', count: 8, bytes: storages[0] },
        { key: 'e', count: 0, bytes: Buffer.alloc(0) },
      ];
      const { problems, tensors } = await open(p.legacyFile(root, stored).subarray(0, -4));
      assert.equal(tensors.length, 2);
      assert.deepEqual(
        problems.map(({ code, tensor }) => [code, tensor]),
        [['truncated', undefined]],
      );
    });

    it('a legacy file with a wrong element count, or a storage that nothing describes', async () => {
      const wrong = p.legacyFile(object, [
        { key: '0', count: 8, bytes: storages[0] },
        { key: 'good', count: 7, bytes: storages.good },
      ]);
      const unknown = p.legacyFile(object, [
        { key: '0', count: 8, bytes: storages[0] },
        { key: 'what', count: 1, bytes: p.ramp(1) },
        { key: 'good', count: 6, bytes: storages.good },
      ]);
      for (const bytes of [wrong, unknown]) {
        const checkpoint = await open(bytes);
        assert.deepEqual(namesOf(checkpoint), ['a']);
        assert.deepEqual(
          checkpoint.problems.map(({ code }) => code),
          ['malformed'],
        );
        assert.match(checkpoint.problems[0]!.message, /tensor good, byte \d+: /);
      }
    });

    it('views on a storage, and sources of classes', async () => {
      const view = p.storage('0', 'FloatStorage', 8, p.tuple(p.text('v'), p.int(4), p.int(3)));
      const rebuilt = p.call(
        p.global('torch._utils', '_rebuild_tensor'),
        view,
        p.int(1),
        p.tuple(p.int(2)),
        p.tuple(p.int(1)),
      );
      const source = p.bytes(p.tuple(p.text('module'), p.global('my', 'Net'), p.text('net.py'), p.text('source')), 'Q');
      const root = p.dict(['v', rebuilt], ['all', p.tensor({ key: '0', shape: [8] })], ['class', source]);
      const checkpoint = await open(p.legacyFile(root, [{ key: '0', count: 8, bytes: p.ramp(8) }]));
      assert.equal(await readHex(checkpoint, 'v'), p.ramp(8).subarray(20, 28).toString('hex'));
      assert.deepEqual(checkpoint.problems, []);
      assert.equal(checkpoint.metadata.class, '<my.Net>');
    });

    it('a pickle longer than the first window', async () => {
      const long = p.dict(['text', p.text('x'.repeat(3_000_000))], ['good', p.tensor(good)]);
      const checkpoint = await open(p.legacyFile(long, [{ key: 'good', count: 6, bytes: goodData.good }]));
      assert.equal(await readHex(checkpoint, 'good'), goodData.good.toString('hex'));
    });
  });
});
