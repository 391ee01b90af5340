/** Tokens of files of texts and ids. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openTokens, type TokenSource } from '../../../../extension/decoder/tokens/textTokens';
import { TextTokenizer } from '../../../../extension/decoder/tokens/textTokenizer';
import { tokenizerForm } from '../../../../extension/decoder/tokens/tokenizerForm';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { goldenTokenizers } from '../../../harness/tokens/goldenTokens';

const VOCABULARY = 1000;

describe('tokens of a file', () => {
  const folder = temporaryFolder();
  const tokenizerOf = (name: string): TextTokenizer => {
    const { json } = goldenTokenizers().tokenizers.find((one) => one.name === name)!;
    return new TextTokenizer({ file: path.join('model', 'tokenizer.json'), form: tokenizerForm(json, name) });
  };
  const tokenizer = tokenizerOf('llama2');
  // Whole texts of a megabyte are quick where they are cut into words first.
  const quick = tokenizerOf('gpt2');

  const opened = (
    name: string,
    content: string | Uint8Array,
    vocabulary = VOCABULARY,
    by = tokenizer,
  ): Promise<TokenSource> => {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    return openTokens(file, { vocabulary, tokenizer: () => Promise.resolve(by) });
  };

  const all = async (source: TokenSource): Promise<number[]> => {
    const found: number[] = [];
    for await (const ids of source.ids()) for (let i = 0; i < ids.length; i++) found.push(ids[i]!);
    return found;
  };

  describe('of a text', () => {
    it('are the tokenizer’s, with what it puts around a text', async () => {
      const text = 'Once upon a time\nthere was a girl.\n'.repeat(300);
      const source = await opened('long.txt', text);
      assert.deepEqual(await all(source), [1, ...tokenizer.encode(text)]);
      assert.equal(source.description, 'text, tokenizer.json');
    });

    it('have line ends as Python reads them, and no byte order mark', async () => {
      const text = `one\r\ntwo\rthirteen sign\n${'four five\r\n'.repeat(30_000)}`;
      // The last byte of the first part that is read.
      assert.equal(Buffer.from(`\ufeff${text}`)[256 * 1024 - 1], '\r'.charCodeAt(0));
      const source = await opened('windows.txt', `\ufeff${text}`, VOCABULARY, quick);
      assert.deepEqual(await all(source), quick.encode(text.replaceAll(/\r\n?/g, '\n')));
    });

    it('may have characters across the parts that are read', async () => {
      const text = `a${'ü Straße 你好 🎉\n'.repeat(12_000)}`;
      assert.deepEqual(await all(await opened('wide.txt', text, VOCABULARY, quick)), quick.encode(text));
    });

    it('are refused where it is not UTF-8', async () => {
      const source = await opened('latin1.txt', Buffer.from('Straße', 'latin1'));
      await assert.rejects(
        all(source),
        /latin1\.txt, byte 0: is not UTF-8 within the 6 bytes from here; save it as UTF-8/,
      );
      const wide = await opened('utf16.txt', Buffer.from('\ufefftext', 'utf16le'));
      await assert.rejects(all(wide), /is UTF-16; save it as UTF-8/);
    });

    it('are refused if the tokenizer has more tokens than the model', async () => {
      const reason =
        /tokenizer\.json: is not this model’s tokenizer: its ids go up to 619, and the model’s embedding has 512 rows/;
      await assert.rejects(opened('short.txt', 'text', 512), reason);
    });
  });

  describe('of lines', () => {
    it('are those of the texts with empty lines between them', async () => {
      const lines = ['{"text": "Once upon"}', '', '{"text": "a time\\n", "id": 7}'].join('\n');
      assert.deepEqual(await all(await opened('texts.jsonl', lines)), [
        1,
        ...tokenizer.encode('Once upon\n\na time\n'),
      ]);
    });

    it('are the ids, under any of their names', async () => {
      const lines = '{"input_ids": [1, 2]}\r\n{"tokens": [3]}\n[4, 5]\n';
      const source = await opened('ids.jsonl', lines);
      assert.deepEqual(await all(source), [1, 2, 3, 4, 5]);
      assert.equal(source.description, 'ids in lines');
    });

    it('are refused with the line’s number', async () => {
      await assert.rejects(
        opened('a.jsonl', '\n{"content": "x"}'),
        /line 2 has neither "text" nor "input_ids" .*\(it has content\)/,
      );
      await assert.rejects(opened('b.jsonl', '{"text": '), /line 1 is not JSON; write lines/);
      await assert.rejects(opened('c.jsonl', '\n \n'), /has no line that is not empty/);
      await assert.rejects(
        all(await opened('d.jsonl', '{"text": "a"}\n{"tokens": [1]}')),
        /line 2 has ids, and the first/,
      );
      await assert.rejects(all(await opened('e.jsonl', '[1]\n{"text": "a"}')), /line 2 has a text, and the first/);
      await assert.rejects(
        all(await opened('f.jsonl', '[1, 2]\n[3, -4]')),
        /token 4 is -4, and token ids are whole numbers/,
      );
      await assert.rejects(all(await opened('g.jsonl', '[1, 2.5]')), /token 2 is 2\.5/);
    });
  });

  describe('of plain numbers', () => {
    const numbers = [1, 2, 999, 0, 7];

    it('are of 16 bits where the vocabulary fits', async () => {
      const source = await opened('train.bin', new Uint8Array(Uint16Array.from(numbers).buffer));
      assert.deepEqual([await all(source), source.description], [numbers, 'uint16 ids']);
      assert.deepEqual([...(await source.indexed!.read(1, 3))], [2, 999]);
    });

    it('are of 32 bits for a larger vocabulary, or where every second half is 0', async () => {
      const bytes = new Uint8Array(Uint32Array.from([...numbers, 128_000]).buffer);
      assert.deepEqual(await all(await opened('large.bin', bytes, 128_256)), [...numbers, 128_000]);
      const small = new Uint8Array(Uint32Array.from(numbers).buffer);
      const source = await opened('small.bin', small);
      assert.deepEqual([await all(source), source.description], [numbers, 'uint32 ids']);
    });

    it('come behind llm.c’s header, which says their width', async () => {
      const header = new Int32Array(256);
      header.set([20240520, 1, 3]);
      const gpt2 = Buffer.concat([new Uint8Array(header.buffer), new Uint8Array(Uint16Array.of(5, 6, 7).buffer)]);
      assert.deepEqual(await all(await opened('gpt2.bin', gpt2, 100_000)), [5, 6, 7]);
      header.set([20240801, 7, 2]);
      const llama3 = Buffer.concat([new Uint8Array(header.buffer), new Uint8Array(Uint32Array.of(8, 9).buffer)]);
      assert.deepEqual(await all(await opened('llama3.bin', llama3)), [8, 9]);
      await assert.rejects(opened('cut.bin', llama3.subarray(0, -4)), /says that it has 2 ids, but ends after 1/);
    });

    it('are refused where the bytes do not add up', async () => {
      await assert.rejects(
        opened('odd.bin', new Uint8Array([1, 2, 3])),
        /has 3 bytes, no whole number of ids of 2 bytes \(uint16\)/,
      );
    });
  });

  describe('of a NumPy array', () => {
    const array = (descr: string, shape: string, data: Uint8Array, order = 'False'): Uint8Array => {
      const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
      const head = Buffer.concat([
        Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
        Buffer.from(Uint16Array.of(text.length).buffer),
      ]);
      return Buffer.concat([head, Buffer.from(text), data]);
    };

    it('are its integers, row by row', async () => {
      const wide = new Uint8Array(BigInt64Array.from([1n, 2n, 3n, 4n]).buffer);
      const source = await opened('rows.npy', array('<i8', '(2, 2)', wide));
      assert.deepEqual([await all(source), source.description], [[1, 2, 3, 4], 'int64 ids']);
      const big = await opened('big.npy', array('>u2', '(2,)', new Uint8Array([1, 2, 3, 4])));
      assert.deepEqual(await all(big), [258, 772]);
    });

    it('are refused where they are none', async () => {
      const data = new Uint8Array(16);
      await assert.rejects(
        opened('f.npy', array('<f4', '(4,)', data)),
        /f\.npy: has F32; token ids are integers; save the ids/,
      );
      await assert.rejects(
        opened('t.npy', array('<i4', '(5,)', data)),
        /ends at byte \d+, but its ids go up to byte \d+/,
      );
      await assert.rejects(opened('o.npy', array('<i4', '(2, 2)', data, 'True')), /is in Fortran order/);
      await assert.rejects(opened('n.npy', data), /n\.npy: does not begin as a NumPy array does/);
      const negative = await opened('m.npy', array('<i4', '(1,)', new Uint8Array(Int32Array.of(-1).buffer)));
      await assert.rejects(all(negative), /token 1 is -1/);
    });
  });
});
