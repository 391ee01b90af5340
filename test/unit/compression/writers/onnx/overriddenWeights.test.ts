/** Weights that are inputs of the graph, too, as older exporters write them: what a save says of them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../../../extension/checkpoint/openModel';
import { onnxLayout } from '../../../../../extension/compression/writers/onnx/onnxWriter';
import { node } from '../../../../harness/checkpoints/onnxWriter';
import { madeModel, weight } from '../../../../harness/onnx/onnxModels';
import { jobOf, savedWeight } from '../../../../harness/onnx/onnxSaving';
import { temporaryFolder } from '../../../../harness/temporaryFolder';

const NAMES = ['a', 'b', 'c', 'd', 'e'];

describe('weights that callers may override', () => {
  const folder = temporaryFolder();

  /** What a save says if the first `count` of five weights are inputs. */
  async function notes(count: number): Promise<readonly string[]> {
    const inputs = Object.fromEntries(NAMES.slice(0, count).map((name) => [name, [6, 6]]));
    const { bytes } = madeModel({
      inputs: { x: [2, 6], ...inputs },
      outputs: Object.fromEntries(NAMES.map((name) => [`${name}.out`, 2])),
      weights: NAMES.map((name) => weight(name, [6, 6])),
      nodes: NAMES.map((name) => node('MatMul', { inputs: ['x', name], output: `${name}.out` })),
    });
    const file = path.join(folder, `overridden${count}.onnx`);
    writeFileSync(file, bytes);
    const model = await openModel(file);
    try {
      const weights = NAMES.map((name) => savedWeight(model, name, { method: 'svd', rank: 2 }));
      return (await onnxLayout.prepare(jobOf(model, weights), new AbortController().signal)).notes([]);
    } finally {
      await model.close();
    }
  }

  it('are told in one sentence, however many they are', async () => {
    assert.deepEqual(await notes(0), []);
    assert.deepEqual(await notes(1), [
      'a is an input of the graph that callers may override; its factors are constants.',
    ]);
    assert.deepEqual(await notes(2), [
      '2 weights are inputs of the graph that callers may override; their factors are constants: a, b.',
    ]);
    assert.deepEqual(await notes(5), [
      '5 weights are inputs of the graph that callers may override; their factors are constants: a, b, c and 2 more.',
    ]);
  });
});
