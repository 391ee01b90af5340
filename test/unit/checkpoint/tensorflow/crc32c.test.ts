import assert from 'node:assert/strict';
import { crc32c, unmaskedCrc } from '../../../../extension/checkpoint/tensorflow/crc32c';
import { RunningCrc } from '../../../../extension/checkpoint/containers/crc32';

describe('CRC-32C', () => {
  it('gives the sums of RFC 3720, B.4', () => {
    const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    assert.equal(crc32c(ascending), 0x46dd794e);
    assert.equal(crc32c(ascending.toReversed()), 0x113fdb5c);
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
    assert.equal(crc32c(new Uint8Array()), 0);
  });

  it('goes on from any place, by any number of bytes', () => {
    const bytes = Uint8Array.from({ length: 50 }, (_, i) => i * 37);
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), crc32c(bytes), String(cut));
    }
    const running = new RunningCrc(bytes.length, 0, 0, crc32c);
    assert.equal(running.add(bytes.subarray(0, 13), 0), undefined);
    assert.equal(running.add(bytes.subarray(13), 13), crc32c(bytes));
  });

  it('is unmasked as LevelDB masks it', () => {
    // What TensorFlow stored beside the float32 0.5: in the checkpoint of tensorflow/serving's half_plus_two.
    assert.equal(unmaskedCrc(0x1f273806), crc32c(Buffer.from('0000003f', 'hex')));
    for (const crc of [0, 1, 0xffffffff, 0x80000000]) {
      const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
      assert.equal(unmaskedCrc(masked), crc);
    }
  });
});
