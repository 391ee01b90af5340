import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { looksLikeOnnx } from '../../../../extension/checkpoint/onnx/onnxHead';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { floatTensor, graph, model } from '../../../harness/checkpoints/onnxWriter';
import { sharedFolder } from '../../../harness/shared';
import { temporaryFolder } from '../../../harness/temporaryFolder';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));

describe('onnx: telling a model by its first bytes', () => {
  it('knows models under any name, from any length of head', () => {
    const whole = model(graph({ initializers: [floatTensor('w', [100])] }));
    for (const length of [4, 16, 17, 18, 64, whole.length]) {
      assert.equal(looksLikeOnnx('weights.bin', whole.subarray(0, length)), true, `${length} bytes`);
    }
  });

  it('takes .onnx at its word, unless the first byte says otherwise', () => {
    assert.equal(looksLikeOnnx('MODEL.ONNX', new Uint8Array()), true);
    assert.equal(looksLikeOnnx('model.onnx', Uint8Array.of(8)), true);
    assert.equal(looksLikeOnnx('model.onnx', bytes('version https://git-lfs.github.com/spec/v1')), false);
    assert.equal(looksLikeOnnx('model.onnx', bytes('PK\x03\x04')), false);
  });

  const others: readonly [what: string, head: Uint8Array][] = [
    ['an empty file', new Uint8Array()],
    ['a safetensors header of 1288 bytes', bytes('\x08\x05\0\0\0\0\0\0{"a":{')],
    ['a safetensors header of 1.2 MB', bytes('\x08\x05\x12\0\0\0\0\0{"a":{"')],
    ['a safetensors header of 100 MB', bytes('\x08\x05\x12\x05\0\0\0\0{"a":{"')],
    ['a safetensors header that fits a graph tag', bytes('\x08\x05\x3a\x10\0\0\0\0{"a":{"b":1,')],
    ['a zip', bytes('PK\x03\x04\0\0\x08\x08\0\0\0\0\0\0\0\0')],
    ['a pickle', bytes('\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.')],
    ['a GGUF', bytes('GGUF\x03\0\0\0\x10\0\0\0\0\0\0\0')],
    ['an HDF5 file', bytes('\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0')],
    ['an npy', bytes("\x93NUMPY\x01\0v\0{'descr'")],
    ['JSON', bytes('{"format": "graph-model"}')],
    ['a TensorFlow SavedModel', bytes('\x08\x01\x12\xb0\x8a\x01\n\xc2w\n\x0c\n\x02B\x00\x12')],
    ['a Core ML model', bytes('\x08\x05\x12\x20\n\x0f\n\x05input\x1a\x06*\x04\n')],
    ['a msgpack map', bytes('\x82\xa6params\x81\xa5dense\x81')],
    ['zeros', new Uint8Array(64)],
    ['a version and nothing else that fits', bytes('\x08\x08\x1f\0\0\0\0\0\0\0\0\0\0\0\0\0')],
  ];
  for (const [what, head] of others) {
    it(`does not claim ${what}`, () => assert.equal(looksLikeOnnx('file.bin', head), false));
  }

  describe("onnxruntime's own format", () => {
    const folder = temporaryFolder();

    for (const name of ['model.ort', 'model.onnx', 'model']) {
      it(`is refused by its name, under the name ${name}`, async () => {
        const file = path.join(folder, name);
        writeFileSync(file, bytes('\x20\0\0\0ORTM\0\0\0\0\0\0\0\0\0\0\0\0'));
        await assert.rejects(openModel(file), {
          name: 'CheckpointError',
          code: 'unsupported',
          message: /onnxruntime's own format \(ORT\); open the \.onnx model that it was made from/,
        });
      });
    }
  });

  if (sharedFolder === undefined) return;
  const checkpoints = path.join(sharedFolder, 'checkpoints');

  it('claims the models among the reference checkpoints, whatever they are called, and none of the others', () => {
    const files = readdirSync(checkpoints, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.ok(files.length > 20);
    for (const { parentPath, name } of files) {
      const head = new Uint8Array(4096);
      const descriptor = openSync(path.join(parentPath, name), 'r');
      const length = readSync(descriptor, head);
      closeSync(descriptor);
      for (const size of [16, length]) {
        assert.equal(
          looksLikeOnnx('no name', head.subarray(0, size)),
          name.endsWith('.onnx'),
          `${name}, ${size} bytes`,
        );
      }
    }
  });
});
