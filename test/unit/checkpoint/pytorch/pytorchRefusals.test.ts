/** Files that look like PyTorch's and are refused: why, and what to do about it. */
import assert from 'node:assert/strict';
import { pytorchFormat } from '../../../../extension/checkpoint/pytorch/pytorch';
import * as p from '../../../harness/checkpoints/pickleWriter';
import { torchFolder, torchZip } from '../../../harness/checkpoints/torchFiles';
import { torchRecords, zip } from '../../../harness/checkpoints/zipWriter';

describe('PyTorch', () => {
  const { refusal } = torchFolder();

  describe('files of other kinds', () => {
    const cases: Record<string, [Buffer, string, RegExp]> = {
      'a tar archive of old': [
        Buffer.concat([Buffer.alloc(257), Buffer.from('ustar\0'), Buffer.alloc(249)]),
        'unsupported',
        /tar format.*save it with a newer PyTorch/,
      ],
      text: [Buffer.from('<html>not found</html>'), 'unknown-format', /neither a zip archive nor a pickle/],
      'a zip archive of something else': [
        zip([{ name: 'word/document.xml', bytes: Buffer.from('<w/>') }]),
        'unknown-format',
        /without a data\.pkl/,
      ],
      'an empty zip archive': [zip([]), 'unknown-format', /without a data\.pkl/],
      'TorchScript of old': [
        zip([{ name: 'm/model.json', bytes: Buffer.from('{}') }]),
        'unsupported',
        /before PyTorch 1\.4/,
      ],
      'a torch.export program from before PyTorch 2.8': [
        zip([{ name: 'serialized_exported_program.json', bytes: Buffer.from('{}') }]),
        'unsupported',
        /torch\.export.*save it with a newer PyTorch/,
      ],
      'a torch.export package without weights': [
        zip([{ name: 'm/archive_format', bytes: Buffer.from('pt2') }]),
        'unsupported',
        /torch\.export.*save it with a newer PyTorch, or its weights/,
      ],
      'two checkpoints in one': [
        zip([...torchRecords(p.pickle(p.dict()), {}), ...torchRecords(p.pickle(p.dict()), {}, 'other')]),
        'malformed',
        /two checkpoints/,
      ],
      'an unknown byte order': [
        zip([...torchRecords(p.pickle(p.dict()), {}), { name: 'model/byteorder', bytes: Buffer.from('middle') }]),
        'malformed',
        /byteorder/,
      ],
      'a newer protocol of torch.save': [
        Buffer.concat([p.legacyFile(p.dict(), []).subarray(0, 15), p.pickle(p.int(1002))]),
        'unsupported',
        /protocol version 1002/,
      ],
    };
    for (const [name, [bytes, code, message]] of Object.entries(cases)) {
      it(name, async () => {
        const error = await refusal(bytes);
        assert.equal(error.code, code);
        assert.match(error.message, message);
      });
    }

    it('are told apart by how they begin', () => {
      const archive = torchZip(p.pickle(p.dict()), {});
      const legacy = p.legacyFile(p.dict(), []);
      assert.ok(pytorchFormat.matches('model.pt', archive));
      assert.ok(pytorchFormat.matches('no-suffix', archive));
      assert.ok(pytorchFormat.matches('no-suffix', legacy));
      assert.ok(pytorchFormat.matches('model.BIN', archive.subarray(0, 16)));
      assert.ok(!pytorchFormat.matches('weights.npz', zip([{ name: 'w.npy', bytes: Buffer.alloc(1) }])));
      assert.ok(!pytorchFormat.matches('model.pt', Buffer.from('{"weight_map": {}}')));
      assert.ok(!pytorchFormat.matches('model.pt', Buffer.alloc(0)));
    });
  });
});
