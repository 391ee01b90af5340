/** GGUF checkpoints that the fuzzer damages. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { floatTensor as ggufFloats, GgufWriter, VALUE } from '../harness/checkpoints/ggufWriter';
import ggufFixtures from '../unit/checkpoint/gguf/ggufFixtures.json';
import { type Source } from './source';

export function smallGguf(bigEndian: boolean): Uint8Array {
  const writer = new GgufWriter(bigEndian);
  const words = ['<s>', 'a', 'b'].map((word) => writer.text(word));
  const block = Buffer.from(ggufFixtures.fixtures.Q4_K.blocks, 'base64').subarray(0, 144);
  return writer.file({
    pairs: [
      writer.pair('general.architecture', VALUE.TEXT, 'llama'),
      writer.pair('general.alignment', VALUE.U32, 32),
      { key: 'tokens', type: VALUE.ARRAY, value: writer.array(VALUE.TEXT, words) },
      writer.pair('epsilon', VALUE.F32, 1e-5),
    ],
    tensors: [
      ggufFloats('blk.0.attn_q.weight', [4, 3]),
      { name: 'blk.0.ffn_up.weight', dims: [256, 1], type: 12, bytes: block },
      { name: 'half', dims: [2, 2], type: 1, bytes: new Uint8Array(8) },
    ],
  });
}

export function ggufParts(): Source {
  const writer = new GgufWriter();
  const name = (part: number): string => `net-0000${part}-of-00002.gguf`;
  return {
    name: 'GGUF in two parts',
    open: name(1),
    damage: [name(1), name(2)],
    lay: (folder) => {
      for (const part of [1, 2]) {
        const pairs = [writer.pair('split.count', VALUE.U16, 2)];
        writeFileSync(path.join(folder, name(part)), writer.file({ pairs, tensors: [ggufFloats(`w${part}`, [3, 2])] }));
      }
    },
  };
}
