import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { layoutHolds, layoutOffers, methodsWithoutPlace } from '../../../../extension/shared/compression/layoutMethods';
import { saveLayouts } from '../../../../extension/shared/compression/layouts';
import { layerMethods, type MethodName } from '../../../../extension/shared/compression/methodTable';
import type { LayerPlan } from '../../../../extension/shared/compression/plans';
import { parseBundle } from '../../../../extension/shared/language/l10n';
import { repositoryRoot } from '../../../harness/shared';

const layoutsOf = (method: MethodName): string[] =>
  saveLayouts.filter(({ name }) => layoutHolds(name, method)).map(({ name }) => name);

describe('layouts and methods', () => {
  it('go together as the writers have places for them', () => {
    assert.deepEqual(layoutsOf('svd'), ['huggingface', 'onnx', 'dense', 'safetensors']);
    assert.deepEqual(layoutsOf('pissa'), ['peft', 'dense']);
    assert.deepEqual(layoutsOf('lq-lora'), ['peft', 'dense', 'safetensors']);
    assert.deepEqual(layoutsOf('quantise'), ['bitsandbytes', 'compressed-tensors', 'dense', 'safetensors']);
    assert.deepEqual(layoutsOf('dct'), ['dense', 'safetensors']);
    // Whatever is chosen can be saved.
    for (const { name } of layerMethods) assert.ok(layoutsOf(name).length >= 2, name);
  });

  it('are offered by what holds the whole plan; the others say which method has no place, and in which layer', () => {
    const pissa = { method: 'pissa', rank: 16 } as const;
    const offered = (format: string, layers: Record<string, LayerPlan>): unknown[] =>
      layoutOffers(format, { layers }).map(({ name, lacks, layer }) =>
        layer === undefined ? name : [name, lacks, layer],
      );
    assert.deepEqual(offered('onnx', { a: { method: 'svd', rank: 2 } }), ['onnx', 'dense', 'safetensors']);
    assert.deepEqual(offered('safetensors', { a: pissa, b: { method: 'svd', rank: 2 } }).slice(0, 3), [
      'dense',
      ['huggingface', ['pissa'], 'a'],
      ['peft', ['svd'], 'b'],
    ]);
  });

  it('are described in a line of VS Code’s pickers, in German, too', () => {
    const german = parseBundle(readFileSync(path.join(repositoryRoot, 'media/l10n/bundle.l10n.de.json'), 'utf8'));
    for (const { name, description } of saveLayouts) {
      for (const text of [description, german[description]!]) assert.ok(text.length <= 80, `${name}: ${text}`);
    }
  });

  it('tell which methods of a plan have no place', () => {
    const layers = {
      a: { method: 'svd', rank: 2 },
      b: { keep: 'dense', why: 'left out' },
      c: { method: 'quantise' },
      d: { method: 'svd', rank: 3 },
    } as const;
    assert.deepEqual(methodsWithoutPlace('huggingface', { layers }), ['quantise']);
    assert.deepEqual(methodsWithoutPlace('peft', { layers }), ['svd', 'quantise']);
    assert.deepEqual(methodsWithoutPlace('dense', { layers }), []);
  });
});
