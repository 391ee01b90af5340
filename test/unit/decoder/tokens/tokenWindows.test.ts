/** Windows of tokens: which, how many, and what is said of too short texts and unknown ids. */
import assert from 'node:assert/strict';
import { openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { openTokens, type TokenSource } from '../../../../extension/decoder/tokens/textTokens';
import { TextTokenizer } from '../../../../extension/decoder/tokens/textTokenizer';
import { tokenizerForm } from '../../../../extension/decoder/tokens/tokenizerForm';
import { tokenWindows, windowLength, type WindowRequest } from '../../../../extension/decoder/tokens/tokenWindows';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { goldenTokenizers } from '../../../harness/tokens/goldenTokens';

const MEGABYTE = 1024 * 1024;

describe('windows of tokens', () => {
  const folder = temporaryFolder();
  const request: WindowRequest = { length: 4, count: 2, choice: 'first', vocabulary: 1000 };

  /** Numbers from 0 on, five in a list. */
  const counted = (count: number): TokenSource => ({
    file: 'made.txt',
    description: 'made ids',
    async *ids() {
      for (let at = 0; at < count; at += 5) {
        yield await Promise.resolve(Array.from({ length: Math.min(5, count - at) }, (_, i) => at + i));
      }
    },
  });

  const starts = (windows: readonly Int32Array[]): number[] => windows.map((window) => window[0]!);

  it('are the first ones, side by side', async () => {
    const windows = await tokenWindows(counted(14), { ...request, count: 3 });
    assert.deepEqual(
      windows.map((window) => [...window]),
      [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
      ],
    );
    assert.equal((await tokenWindows(counted(14), { ...request, count: 9 })).length, 3);
  });

  it('are read no further than they need', async () => {
    const source = counted(1000);
    let lists = 0;
    const watched: TokenSource = {
      ...source,
      async *ids() {
        for await (const list of source.ids()) {
          lists++;
          yield list;
        }
      },
    };
    await tokenWindows(watched, request);
    assert.equal(lists, 2);
  });

  it('by chance are the same for a seed, in order, and each as often as others', async () => {
    const by = async (seed: number): Promise<number[]> =>
      starts(await tokenWindows(counted(40), { ...request, choice: { seed } }));
    assert.deepEqual(await by(3), await by(3));
    const times = new Map<number, number>();
    for (let seed = 0; seed < 1000; seed++) {
      const [first, second] = await by(seed);
      assert.ok(first! < second!);
      for (const start of [first!, second!]) times.set(start, (times.get(start) ?? 0) + 1);
    }
    assert.deepEqual(
      [...times.keys()].sort((a, b) => a - b),
      [0, 4, 8, 12, 16, 20, 24, 28, 32, 36],
    );
    // 200 expected, of a binomial with a deviation of 12.6.
    for (const [start, count] of times) assert.ok(Math.abs(count - 200) < 64, `${start}: ${count}`);
  });

  it('by chance out of numbered ids are whole windows, too', async () => {
    const file = path.join(folder, 'ids.bin');
    writeFileSync(file, new Uint8Array(Uint16Array.from({ length: 43 }, (_, i) => i).buffer));
    const source = await openTokens(file, {
      vocabulary: 1000,
      tokenizer: () => Promise.reject(new Error('not needed')),
    });
    const windows = await tokenWindows(source, { ...request, count: 99, choice: { seed: 1 } });
    assert.deepEqual(starts(windows), [0, 4, 8, 12, 16, 20, 24, 28, 32, 36]);
    const few = starts(await tokenWindows(source, { ...request, count: 3, choice: { seed: 1 } }));
    assert.equal(new Set(few).size, 3);
    assert.ok(few.every((start) => start % 4 === 0));
  });

  it('by chance out of a large text lie in its stretches, and have the ids of the whole text', async function () {
    this.timeout(120_000);
    const { json } = goldenTokenizers().tokenizers.find(({ name }) => name === 'gpt2')!;
    const tokenizer = new TextTokenizer({ file: 'tokenizer.json', form: tokenizerForm(json, 'tokenizer.json') });
    const file = path.join(folder, 'large.txt');
    const target = openSync(file, 'w');
    // Each line says where it is.
    const line = (number: number): string => `Line number ${number} of a large text, été.\n`;
    for (let number = 0, size = 0; size < 66 * MEGABYTE; number += 10_000) {
      size += writeSync(target, Array.from({ length: 10_000 }, (_, i) => line(number + i)).join(''));
    }
    const source = await openTokens(file, { vocabulary: 1000, tokenizer: () => Promise.resolve(tokenizer) });
    const windows = await tokenWindows(source, { length: 64, count: 8, choice: { seed: 5 }, vocabulary: 1000 });
    assert.equal(windows.length, 8);
    const places = windows.map((window) => {
      const text = [...window].map((id) => tokenizer.text(id)).join('');
      const number = Number(/numberĠ(\d+)Ġof/.exec(text)![1]);
      const around = Array.from({ length: 12 }, (_, i) => line(number - 4 + i)).join('');
      const ids = tokenizer.encode(around);
      assert.ok(
        ids.some((_, at) => window.every((id, i) => ids[at + i] === id)),
        text,
      );
      return number;
    });
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.ok(places.at(-1)! - places[0]! > 500_000, places.join());
  });

  it('are refused for a text that is too short, which says how many tokens it has', async () => {
    await assert.rejects(
      tokenWindows(counted(3), request),
      /made\.txt: has 3 tokens, fewer than one window of 4; give a longer text, or windows of up to 3/,
    );
    await assert.rejects(
      tokenWindows(counted(0), { ...request, choice: { seed: 1 } }),
      /has 0 tokens.*; give a longer text$/,
    );
  });

  it('are refused for ids that the model does not know', async () => {
    const reason =
      /made\.txt: token 7 is 6, and the model knows ids up to 5 \(made ids\); use the tokenizer and the ids of this model/;
    await assert.rejects(tokenWindows(counted(20), { ...request, vocabulary: 6 }), reason);
  });

  it('have the usual length, the model’s if that is less, or what is asked for', () => {
    assert.equal(windowLength(undefined, 4096, 'model'), 2048);
    assert.equal(windowLength(undefined, 512, 'model'), 512);
    assert.equal(windowLength(undefined, undefined, 'model'), 2048);
    assert.equal(windowLength(300, 512, 'model'), 300);
    assert.throws(
      () => windowLength(1024, 512, 'model'),
      /model: reads 512 tokens at most, and windows of 1024 are asked for/,
    );
  });
});
