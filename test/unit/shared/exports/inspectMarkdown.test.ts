/** The overview of a model in Markdown. */
import assert from 'node:assert/strict';
import { inspectMarkdown } from '../../../../extension/shared/exports/inspectMarkdown';
import { inspectReport } from '../../../../extension/shared/inspectReport';
import type { DeviceInfo } from '../../../../extension/shared/devices';
import type { LayerResult } from '../../../../extension/shared/layers';
import type { CheckpointSummary, TensorSummary } from '../../../../extension/shared/tensors';

const settings = {
  farms: { enabled: false, rows: 2, q: 1, ops: 2, fit: 'KS', mode: 'auto', tolerance: 0.01 },
} as const;

const tensor = (name: string): TensorSummary => ({
  ...{ name, group: '', shape: [4, 3], dtype: 'F16', parameters: 12, bytes: 24, layers: [name] },
});

const layer = (name: string, alpha: number | null): LayerResult => ({
  ...{ name, tensor: name, shape: [4, 3], dtype: 'F16', matrices: 1, metrics: { alpha }, fits: {}, farms: null },
  ...{ ranks: {}, statistics: null, problems: [] },
});

function overview(names: readonly string[], alpha: number | null = 3.14159, most?: number): string {
  const summary = {
    ...{ path: '/home/someone/secret/model.safetensors', format: 'safetensors', architecture: 'Llama', files: [] },
    ...{ parameters: 12, bytes: 24, dtypes: [], metadata: {}, problems: [], tensors: names.map(tensor) },
  } as unknown as CheckpointSummary;
  const layers = names.map((name) => layer(name, alpha));
  return [...inspectMarkdown(summary, inspectReport(summary, settings, layers, {} as DeviceInfo), most)].join('');
}

describe('the overview in Markdown', () => {
  it('names the model without its folder, what it is, and each layer with its numbers', () => {
    const text = overview(['model.layers.0.q_proj.weight']);
    assert.match(text, /^# `model\.safetensors`\n\nsafetensors · Llama · 1 tensor · 12 parameters · 24 bytes\n/);
    assert.doesNotMatch(text, /secret|someone/);
    const row = text.split('\n').find((line) => line.includes('q_proj'))!;
    const cells = row.split('|').map((cell) => cell.trim());
    assert.equal(cells[1], '3.14');
    assert.ok(cells.includes('`model.layers.0.q_proj.weight`'), row);
    const [head, rule] = text.split('\n').slice(text.split('\n').indexOf(row) - 2);
    assert.equal(head!.split('|').length, cells.length);
    assert.equal(rule!.split('|').length, cells.length);
  });

  it('takes nothing of a name for Markdown', () => {
    for (const name of ['a|b', '`x` @someone', '![p](https://example.org)', '</code><script>', '- [ ] x\n# y']) {
      const text = overview([name]);
      const rows = text.split('\n').filter((line) => line.startsWith('| 3.14 |'));
      assert.equal(rows.length, 1, text);
      const shown = rows[0]!.replace(/`[^`|]+`/g, '');
      assert.doesNotMatch(shown, /[`![@]|<(?!\/?code>)/, name);
      assert.equal(rows[0]!.split('|').length, 14, name);
    }
  });

  it('counts the layers that an issue has no room for', () => {
    const names = Array.from({ length: 1000 }, (_, i) => `model.layers.${i}.mlp.down_proj.weight`);
    const text = overview(names, 3, 20_000);
    assert.ok(text.length < 20_500, String(text.length));
    const listed = text.split('\n').filter((line) => line.startsWith('| 3.00 |')).length;
    const rest = Number(/^(\d+) more layers would not fit into an issue/m.exec(text)![1]);
    assert.equal(listed + rest, names.length);
    assert.ok(listed > 50);
    assert.ok(overview(names).includes('model.layers.999.'));
  });
});
