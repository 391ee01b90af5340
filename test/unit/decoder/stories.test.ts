/** stories260K in GGUF files beside transformers, which had the same decoded weights. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { onnxruntimeExists } from '../../harness/onnxruntime';
import { repositoryRoot, sharedFolder } from '../../harness/shared';
import { arraysOf, ourLogits, relativeDifference, withDecoder } from './decoderModels';

const KEPT = path.join(repositoryRoot, 'test', 'unit', 'decoder', 'stories', 'expected.safetensors');
const WORDS = 512;

/** Every so many rows are kept, the first of them `first`. */
function rowsOf(logits: Float32Array, first: number, step: number): Float32Array {
  const rows: number[] = [];
  for (let row = first; row * WORDS < logits.length; row += step) {
    rows.push(...logits.subarray(row * WORDS, (row + 1) * WORDS));
  }
  return Float32Array.from(rows);
}

describe('stories260K', function () {
  this.timeout(120_000);
  if (!onnxruntimeExists) return;
  if (sharedFolder === undefined) {
    it('is not here', () => console.log('      left out: there is no ../shared'));
    return;
  }
  const checkpoints = path.join(sharedFolder, 'checkpoints');
  const files = [
    path.join(checkpoints, 'stories260K-llama', 'stories260K.gguf'),
    path.join(checkpoints, 'stories260K-llama-derived', 'stories260K-Q8_0.gguf'),
    path.join(checkpoints, 'stories260K-llama-derived', 'stories260K-Q4_0.gguf'),
  ];

  for (const file of files) {
    it(`${path.basename(file)}: transformers’ logits`, async () => {
      const kept = await arraysOf(KEPT);
      const windows = [Int32Array.from(kept.get('tokens')!.data)];
      const ours = await withDecoder(file, (decoder) => ourLogits(decoder, windows));
      const found = relativeDifference(rowsOf(ours, 0, 8), kept.get(path.basename(file))!.data);
      assert.ok(found <= 1e-5, `relative difference ${found}`);
    });
  }

  it('a window of 2048 tokens, whose queries are taken in several parts', async () => {
    const kept = await arraysOf(KEPT);
    const windows = [Int32Array.from(kept.get('long_tokens')!.data)];
    const ours = await withDecoder(files[0]!, (decoder) => ourLogits(decoder, windows));
    const found = relativeDifference(rowsOf(ours, 63, 128), kept.get('long')!.data);
    assert.ok(found <= 2e-5, `relative difference ${found}`);
  });
});
