/** PyTorch files cut short, changed, or at odds with themselves: an error or the tensors that are there, never a crash. */
import assert from 'node:assert/strict';
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { CheckpointError } from '../../../../extension/checkpoint/checkpointError';
import { pytorchFormat } from '../../../../extension/checkpoint/pytorch/pytorch';
import * as p from '../../../harness/checkpoints/pickleWriter';
import { codeOf, namesOf, readHex, torchFolder, torchZip } from '../../../harness/checkpoints/torchFiles';
import { torchRecords, zip } from '../../../harness/checkpoints/zipWriter';

const good = { key: 'good', shape: [2, 3] };
const goodData = { good: p.ramp(6) };

describe('PyTorch files', () => {
  const { open, refusal, write } = torchFolder();

  describe('damage', () => {
    const object = p.dict(['a', p.tensor({ key: '0', shape: [4, 2] })], ['good', p.tensor(good)]);
    const root = p.pickle(object);
    const storages = { 0: p.ramp(8), ...goodData };

    it('a storage with a wrong checksum: when it was read to its end, in one piece or in rows', async () => {
      const [pickled, first, ...rest] = torchRecords(root, storages);
      const checkpoint = await open(zip([pickled!, { ...first!, crc: 7 }, ...rest]));
      const tensor = checkpoint.tensors[0]!;
      assert.equal(await codeOf(checkpoint.read(tensor)), 'corrupt');
      assert.equal(await codeOf(checkpoint.read(tensor, { start: 0, end: 2 })), 'read');
      assert.equal(await codeOf(checkpoint.read(tensor, { start: 2, end: 4 })), 'corrupt');
      assert.equal(await codeOf(checkpoint.read(checkpoint.tensors[1]!)), 'read');
    });

    it('a storage with a wrong checksum, of which tensors are parts: all of them, whichever is read first', async () => {
      const part = (offset: number) => p.tensor({ key: '0', elements: 8, shape: [2, 2], offset });
      const turned = p.tensor({ key: '0', shape: [2, 4], strides: [1, 2] });
      const views = p.pickle(p.dict(['a', part(0)], ['b', part(4)], ['c', turned], ['good', p.tensor(good)]));
      const [pickled, first, ...rest] = torchRecords(views, storages);
      for (const order of [[0, 1, 2], [1, 0, 2], [2]]) {
        const damaged = await open(zip([pickled!, { ...first!, crc: 7 }, ...rest]));
        for (const i of order) assert.equal(await codeOf(damaged.read(damaged.tensors[i]!)), 'corrupt');
        assert.equal(await codeOf(damaged.read(damaged.tensors[3]!)), 'read');
        const sound = await open(zip([pickled!, first!, ...rest]));
        for (const i of order) {
          assert.equal(await codeOf(sound.read(sound.tensors[i]!, { start: 1, end: 2 })), 'read');
        }
      }
    });

    it('a checksum that was asked for by one who gave up is compared for the next', async () => {
      const views = p.pickle(p.dict(['a', p.tensor({ key: '0', elements: 8, shape: [4] })]));
      const [pickled, first] = torchRecords(views, storages);
      const checkpoint = await open(zip([pickled!, { ...first!, crc: 7 }]));
      const tensor = checkpoint.tensors[0]!;
      const gone = new AbortController();
      const reads = [checkpoint.read(tensor, undefined, gone.signal), checkpoint.read(tensor)];
      gone.abort();
      const [, second] = await Promise.allSettled(reads);
      assert.equal(second?.status === 'rejected' && (second.reason as CheckpointError).code, 'corrupt');
      assert.equal(await codeOf(checkpoint.read(tensor)), 'corrupt');
    });

    it('a tensor that repeats six numbers to a gigabyte is no work of minutes, but a problem', async () => {
      const repeated = p.tensor({ key: '0', elements: 8, shape: [16_384, 16_384], strides: [0, 0] });
      const checkpoint = await open(torchZip(p.pickle(p.dict(['a', repeated], ['good', p.tensor(good)])), storages));
      assert.deepEqual(namesOf(checkpoint), ['good']);
      assert.deepEqual(
        checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
        [['limit', 'a']],
      );
      assert.match(checkpoint.problems[0]!.message, /save a contiguous copy/);
    });

    it('a data.pkl with a wrong checksum: what it names is shown, and that it may be wrong', async () => {
      const [pickled, ...rest] = torchRecords(root, storages);
      const checkpoint = await open(zip([{ ...pickled!, crc: 7 }, ...rest]));
      assert.deepEqual(namesOf(checkpoint), ['a', 'good']);
      assert.deepEqual(
        checkpoint.problems.map(({ code }) => code),
        ['corrupt'],
      );
      assert.match(
        checkpoint.problems[0]!.message,
        /made\.pt, byte 0: .*"model\/data\.pkl".*may be wrong; fetch it again$/,
      );
    });

    it('a data.pkl that ends early, anywhere, shows the tensors that it names in full before', async () => {
      const [pickled, ...rest] = torchRecords(root, storages);
      // SETITEMS is the last instruction but STOP, so up to there everything hangs on the stack alone.
      const firstEnd = pickled!.bytes.indexOf('X\x04\0\0\0good', 0, 'latin1');
      const seen = new Set<string>();
      for (let length = 0; length < pickled!.bytes.length; length++) {
        const bytes = zip([{ ...pickled!, bytes: pickled!.bytes.subarray(0, length) }, ...rest]);
        const names = length < firstEnd ? [] : length < pickled!.bytes.length - 2 ? ['a'] : ['a', 'good'];
        seen.add(names.join());
        if (names.length === 0) {
          assert.equal((await refusal(bytes)).code, 'truncated', `${length} bytes`);
          continue;
        }
        const checkpoint = await open(bytes);
        assert.deepEqual(namesOf(checkpoint), names, `${length} bytes`);
        assert.equal(await readHex(checkpoint, 'a'), storages[0].toString('hex'));
        assert.deepEqual(
          checkpoint.problems.map(({ code }) => code),
          ['truncated'],
        );
        // Local header and name come before the pickle.
        const at = checkpoint.problems[0]!.offset! - 30 - 'model/data.pkl'.length;
        assert.ok(at >= firstEnd && at <= length, `${at} of ${length} bytes`);
        assert.match(
          checkpoint.problems[0]!.message,
          /made\.pt, byte \d+: .*"model\/data\.pkl" breaks off: .*; fetch it/,
        );
      }
      assert.deepEqual([...seen], ['', 'a', 'a,good']);
    });

    it('a data.pkl damaged in the middle shows the tensors before the place, and one problem', async () => {
      const [pickled, ...rest] = torchRecords(root, storages);
      const bytes = Buffer.from(pickled!.bytes);
      const damaged = bytes.indexOf('X\x04\0\0\0good', 0, 'latin1');
      bytes[damaged] = 0xff;
      const checkpoint = await open(zip([{ ...pickled!, bytes }, ...rest]));
      assert.deepEqual(namesOf(checkpoint), ['a']);
      const [problem, ...others] = checkpoint.problems;
      assert.deepEqual(others, []);
      assert.equal(problem!.code, 'malformed');
      assert.match(problem!.message, /unknown opcode 0xff; only tensors named before are shown; fetch it again/);
    });

    it('a pickle that breaks off in a nested module keeps the names of the levels above', async () => {
      const weight = p.tensor({ key: '0', shape: [4, 2] });
      const module = (state: Buffer): Buffer => p.bytes(p.global('__torch__.net', 'Net'), ')', 0x81, state, 'b');
      const last = p.dict(['weight', p.tensor(good)], ['training', p.yes]);
      const inner = module(p.dict(['first', module(p.dict(['weight', weight]))], ['second', module(last)]));
      const whole = p.pickle(module(p.dict(['encoder', inner], ['epochs', p.int(3)])));
      const records = (bytes: Buffer): Buffer => torchZip(bytes, storages);
      const end = whole.indexOf('training');
      assert.deepEqual(namesOf(await open(records(whole))), ['encoder.first.weight', 'encoder.second.weight']);
      for (let length = end; length < whole.length; length++) {
        const checkpoint = await open(records(whole.subarray(0, length)));
        assert.deepEqual(namesOf(checkpoint), ['encoder.first.weight', 'encoder.second.weight'], `${length} bytes`);
        assert.equal(checkpoint.format, 'torchscript');
        assert.equal(checkpoint.problems.length, 1);
      }
    });

    it('a single pair, which picklers set without a mark, is in its own dictionary', async () => {
      const weight = p.tensor({ key: '0', shape: [4, 2] });
      const single = p.bytes(p.emptyDict, p.text('weight'), weight);
      const broken = p.bytes(0x80, 2, '}(', p.text('a'), p.tensor(good), p.text('conv'), single);
      assert.deepEqual(namesOf(await open(torchZip(broken, storages))), ['a', 'conv.weight']);
    });

    it('a call that is not complete gives no tensor, and items of a list keep their numbers', async () => {
      const weight = p.tensor({ key: '0', shape: [4, 2] });
      const parameter = p.bytes(p.global('torch._utils', '_rebuild_parameter'), p.tensor(good), p.yes);
      const broken = p.bytes(0x80, 2, '](', p.none, weight, parameter);
      assert.deepEqual(namesOf(await open(torchZip(broken, storages))), ['1']);
      const ofDict = p.bytes(0x80, 2, '}(', p.text('a'), weight, p.text('b'), parameter);
      assert.deepEqual(namesOf(await open(torchZip(ofDict, storages))), ['a']);
    });

    it('a broken pickle of objects that wait for one another without end is refused, without a call for each', async () => {
      const waiting = p.bytes(p.global('my', 'Net'), ')', 0x81, p.emptyDict, p.text('a'));
      const broken = p.bytes(
        0x80,
        2,
        ...new Array<Buffer>(20_000).fill(waiting),
        p.tensor({ key: '0', shape: [4, 2] }),
      );
      assert.equal((await refusal(torchZip(broken, storages))).code, 'truncated');
    });

    describe('of a TorchScript archive, whose storages come first', () => {
      const module = p.bytes(p.global('__torch__.net', 'Net'), ')', 0x81);
      const state = p.dict(['a', p.tensor({ key: '0', shape: [4, 2] })], ['good', p.tensor(good)]);
      const [pickled, first, second, version] = torchRecords(p.pickle(p.bytes(module, state, 'b')), storages);
      const records = [first!, second!, pickled!, version!];

      it('cut anywhere shows what its pickle names before the place, or one error that says where', async () => {
        const bytes = zip(records);
        const begin = bytes.indexOf(pickled!.bytes);
        const named = bytes.indexOf('X\x04\0\0\0good', begin, 'latin1');
        for (let length = 100; length < bytes.length; length++) {
          const cut = bytes.subarray(0, length);
          if (length < named) {
            const { code, message } = await refusal(cut);
            assert.equal(code, 'truncated', `${length} bytes`);
            assert.match(message, /made\.pt.* byte \d+: .*; fetch it again/);
            continue;
          }
          const checkpoint = await open(cut);
          assert.equal(checkpoint.format, 'torchscript');
          const all = length >= begin + pickled!.bytes.length - 3;
          assert.deepEqual(namesOf(checkpoint), all ? ['a', 'good'] : ['a'], `${length} bytes`);
          assert.deepEqual(
            checkpoint.problems.map(({ code }) => code),
            ['truncated'],
          );
          assert.match(checkpoint.problems[0]!.message, /made\.pt, byte \d+: the zip directory .*; fetch it again/);
          assert.equal(await readHex(checkpoint, 'a'), storages[0].toString('hex'));
        }
      });
    });

    it('a plain pickle that ends early shows the NumPy arrays before the place', async () => {
      const dtype = p.bytes(
        p.call(p.global('numpy', 'dtype'), p.text('f4'), p.int(0), p.int(1)),
        p.tuple(p.int(3), p.text('<'), p.none, p.none, p.none, p.int(-1), p.int(-1), p.int(0)),
        'b',
      );
      const made = p.call(
        p.global('numpy.core.multiarray', '_reconstruct'),
        p.global('numpy', 'ndarray'),
        p.tuple(p.int(0)),
        p.data(Buffer.from('b')),
      );
      const array = p.build(made, p.tuple(p.int(1), p.tuple(p.int(2), p.int(3)), dtype, p.no, p.data(goodData.good)));
      const whole = p.pickle(p.dict(['a', array], ['good', array]));
      assert.deepEqual(namesOf(await open(whole)), ['a', 'good']);
      const checkpoint = await open(whole.subarray(0, -40));
      assert.deepEqual(namesOf(checkpoint), ['a']);
      assert.equal(await readHex(checkpoint, 'a'), goodData.good.toString('hex'));
      assert.match(checkpoint.problems[0]!.message, /made\.pt, byte \d+: the pickle ends after .*; fetch it again$/);
    });

    it('a data.pkl that a small file inflates to more than a checkpoint needs', async () => {
      const bomb = p.pickle(p.dict(['x', p.text('a'.repeat(65 * 2 ** 20))]));
      const bytes = zip([{ name: 'model/data.pkl', bytes: bomb, deflate: true }]);
      assert.ok(bytes.length < 2 ** 20);
      assert.equal((await refusal(bytes)).code, 'limit');
    });

    it('a data.pkl of a declared terabyte', async () => {
      const [pickled, ...rest] = torchRecords(root, storages);
      const error = await refusal(zip([{ ...pickled!, deflate: true, size: 2 ** 40 }, ...rest], { zip64: true }));
      assert.equal(error.code, 'limit');
    });

    for (const [what, zip64, descriptorBytes] of [
      ['a zip archive', false, 16],
      ['a zip64 archive', true, 24],
    ] as const) {
      it(`${what} cut anywhere shows the tensors whose data and checksums are before the place`, async () => {
        const bytes = zip(torchRecords(root, storages), { zip64 });
        const descriptor = Buffer.from([0x50, 0x4b, 7, 8]);
        const ends: number[] = [];
        for (let at = bytes.indexOf(descriptor); at >= 0; at = bytes.indexOf(descriptor, at + 1)) {
          ends.push(at + descriptorBytes);
        }
        const [pickled, first, second] = ends;
        for (let length = 0; length < bytes.length; length++) {
          const cut = bytes.subarray(0, length);
          if (length < pickled!) {
            const { code, message } = await refusal(cut);
            assert.equal(code, length < 4 ? 'unknown-format' : 'truncated', `${length} bytes`);
            assert.ok(message.includes('made.pt'));
            continue;
          }
          const checkpoint = await open(cut);
          const lost = length < first! ? ['a', 'good'] : length < second! ? ['good'] : [];
          assert.deepEqual(namesOf(checkpoint), ['a', 'good'].slice(0, 2 - lost.length), `${length} bytes`);
          assert.deepEqual(
            checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
            lost.length > 0 ? lost.map((name) => ['truncated', name]) : [['truncated', undefined]],
          );
          assert.match(
            checkpoint.problems[0]!.message,
            /, byte \d+: the zip directory at its end is missing.*; fetch it/,
          );
          if (lost.length < 2) assert.equal(await readHex(checkpoint, 'a'), storages[0].toString('hex'));
        }
      });
    }

    it('a zip archive with something else behind it is read as far as it goes', async () => {
      const checkpoint = await open(Buffer.concat([torchZip(root, storages), Buffer.from('<html>')]));
      assert.deepEqual(namesOf(checkpoint), ['a', 'good']);
      assert.equal(checkpoint.problems.length, 1);
    });

    it('a cut zip archive whose storage is not as long as its pickle says', async () => {
      const bytes = torchZip(root, { ...storages, 0: p.ramp(7) });
      const { problems, tensors } = await open(bytes.subarray(0, -40));
      assert.equal(tensors.length, 0);
      assert.equal(problems.length, 2);
    });

    it('any byte changed, it still ends, with tensors or an error', async () => {
      const stored = [
        { key: '0', count: 8, bytes: storages[0] },
        { key: 'good', count: 6, bytes: storages.good },
      ];
      for (const bytes of [torchZip(root, storages), p.legacyFile(object, stored)]) {
        for (let at = 0; at < bytes.length; at++) {
          const changed = Buffer.from(bytes);
          changed[at]! ^= 1 << (at % 8);
          const code = await codeOf(
            pytorchFormat.open(write(changed)).then(async (checkpoint) => {
              try {
                for (const tensor of checkpoint.tensors) {
                  assert.equal((await checkpoint.read(tensor)).length, tensor.byteLength);
                }
              } finally {
                await checkpoint.close();
              }
            }),
          );
          assert.notEqual(code, 'io', `byte ${at}`);
        }
      }
    });

    it('a file that changed, or was removed, while it is open', async () => {
      const file = write(torchZip(root, storages), 'changing.pt');
      const checkpoint = await pytorchFormat.open(file);
      const tensor = checkpoint.tensors[0]!;
      assert.equal(await codeOf(checkpoint.read(tensor)), 'read');
      utimesSync(file, new Date(), new Date(1e12));
      assert.equal(await codeOf(checkpoint.read(tensor)), 'changed');
      writeFileSync(file, 'short');
      assert.equal(await codeOf(checkpoint.read(tensor)), 'changed');
      rmSync(file);
      assert.equal(await codeOf(checkpoint.read(tensor)), 'changed');
      await checkpoint.close();
      assert.equal(await codeOf(checkpoint.read(tensor)), 'io');
    });

    it('stops when it is told to', async () => {
      const file = write(torchZip(root, storages), 'stopped.pt');
      await assert.rejects(pytorchFormat.open(file, AbortSignal.abort()), { name: 'AbortError' });
      const checkpoint = await open(torchZip(root, storages));
      await assert.rejects(checkpoint.read(checkpoint.tensors[0]!, undefined, AbortSignal.abort()), {
        name: 'AbortError',
      });
      await assert.rejects(checkpoint.read(checkpoint.tensors[0]!, { start: 3, end: 5 }), RangeError);
    });
  });
});
