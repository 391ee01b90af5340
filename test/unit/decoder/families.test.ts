/** Logits of every family beside transformers': kept ones, and with EIGENSCOPE_PYTHON larger ones. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { KNOWN_TYPES } from '../../../extension/decoder/families/registry';
import { onnxruntimeExists } from '../../harness/onnxruntime';
import { pythonWith } from '../../harness/python';
import { temporaryFolder } from '../../harness/temporaryFolder';
import { expectedOf, GOLDEN, namesIn, ourLogits, relativeDifference, SCRIPT, withDecoder } from './decoderModels';

/** Of the largest logit; float32 in another order of sums. */
const TOLERANCE = 1e-5;

async function difference(folder: string): Promise<number> {
  const { windows, logits } = await expectedOf(folder);
  return relativeDifference(await withDecoder(folder, (decoder) => ourLogits(decoder, windows)), logits);
}

describe('families of decoders', function () {
  this.timeout(120_000);
  if (!onnxruntimeExists) return;

  for (const name of namesIn(GOLDEN)) {
    it(`${name}: the kept logits of transformers`, async () => {
      const found = await difference(path.join(GOLDEN, name));
      assert.ok(found <= TOLERANCE, `relative difference ${found}`);
    });
  }

  it('keeps logits of every type that is known', async () => {
    const kept = new Set<string>();
    for (const name of namesIn(GOLDEN)) {
      const { model_type: type } = JSON.parse(
        (await import('node:fs')).readFileSync(path.join(GOLDEN, name, 'config.json'), 'utf8'),
      ) as { model_type: string };
      kept.add(type);
    }
    // The whole of Gemma 3 has the language model within.
    assert.deepEqual(
      KNOWN_TYPES.filter((type) => !kept.has(type)),
      ['gemma3'],
    );
  });

  describe('as GGUF files', () => {
    const python = pythonWith('torch', 'transformers', 'safetensors', 'gguf');
    const folder = temporaryFolder();
    it('all families that llama.cpp has', async function () {
      if (python === undefined) {
        console.log('      the package gguf is not installed: EIGENSCOPE_PYTHON names a Python that has it');
        return;
      }
      const made = spawnSync(python, [SCRIPT, 'gguf', folder, GOLDEN], { encoding: 'utf8' });
      assert.equal(made.status, 0, made.stderr);
      const names = namesIn(folder);
      assert.equal(names.length, 12);
      const found: string[] = [];
      for (const name of names) {
        const { windows, logits } = await expectedOf(path.join(folder, name));
        const ours = await withDecoder(path.join(folder, name, 'model.gguf'), (decoder) =>
          ourLogits(decoder, windows),
        ).catch(String);
        const relative = typeof ours === 'string' ? ours : relativeDifference(ours, logits);
        if (!(Number(relative) <= TOLERANCE)) found.push(`${name}: ${relative}`);
      }
      assert.deepEqual(found, []);
    });
  });

  describe('beside transformers', () => {
    const python = pythonWith('torch', 'transformers', 'safetensors');
    const folder = temporaryFolder();
    it('all families and their options', async function () {
      if (python === undefined) {
        console.log('      transformers is not installed: EIGENSCOPE_PYTHON names a Python that has it');
        return;
      }
      const made = spawnSync(python, [SCRIPT, 'peer', folder], { encoding: 'utf8' });
      assert.equal(made.status, 0, made.stderr);
      const found: string[] = [];
      for (const name of namesIn(folder)) {
        const relative = await difference(path.join(folder, name));
        if (!(relative <= TOLERANCE)) found.push(`${name}: ${relative}`);
        if (process.env['EIGENSCOPE_DECODER_DIFFERENCES']) console.log(`      ${name}: ${relative.toExponential(1)}`);
      }
      assert.deepEqual(found, []);
    });
  });
});
