/** A plan of an ONNX model, run from its file to a folder that onnxruntime loads. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { wholeWeights } from '../../extension/compression/writers/onnx/wholeWeights';
import { calibrateModel } from '../../extension/engine/models/calibrate';
import { OpenDocuments } from '../../extension/engine/document/openDocuments';
import { planLayersOf } from '../../extension/engine/requests/planSource';
import { frobenius, randomMatrix } from '../harness/numbers/denseReference';
import { runModel } from '../harness/onnx/modelInputs';
import { besideModel, products, recurrent, refusals } from '../harness/onnx/onnxModels';
import { onnxruntimeExists } from '../harness/onnxruntime';
import { runInProcess } from '../harness/planRuns';
import { planOf } from '../harness/smallModels';
import { temporaryFolder } from '../harness/temporaryFolder';

const RANDOM = { kind: 'random', samples: 1, seed: 1, shapes: {} } as const;

describe('a plan of an ONNX model', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();

  it('saves the model and its data file, which compute the same at full rank', async () => {
    if (!onnxruntimeExists) return;
    const { made, files } = besideModel(products());
    const from = path.join(folder, 'from');
    mkdirSync(from);
    const source = path.join(from, 'model.onnx');
    writeFileSync(source, made.bytes);
    for (const [name, bytes] of Object.entries(files)) writeFileSync(path.join(from, name), bytes);
    const target = path.join(folder, 'saved');
    const plan = planOf({
      right: { method: 'svd', rank: 5 },
      turned: { method: 'svd', rank: 5 },
      same: { method: 'svd', rank: 5 },
      left: { keep: 'dense', why: 'another weight has its bytes' },
    });
    const saved = await runInProcess(source, { plan, layout: 'onnx', target });
    assert.deepEqual(readdirSync(target).sort(), ['model.onnx', 'weights.bin']);
    assert.deepEqual(saved.files.toSorted(), ['model.onnx', 'weights.bin']);
    const bytes = readdirSync(target).reduce((sum, name) => sum + statSync(path.join(target, name)).size, 0);
    assert.equal(saved.bytes.after, bytes);
    const x = { shape: [2, 3, 6], data: Float32Array.from(randomMatrix(6, 6, 8)) };
    const [a, b] = [await runModel(source, { x }, 'y'), await runModel(path.join(target, 'model.onnx'), { x }, 'y')];
    const difference = frobenius(Float64Array.from(a, (value, i) => value - b[i]!)) / frobenius(Float64Array.from(a));
    assert.ok(difference < 1e-5, String(difference));
    const request = { inputs: RANDOM, target: path.join(folder, 'stats.safetensors'), gramBytes: 1e6 };
    const { layers } = await calibrateModel(path.join(target, 'model.onnx'), request, () => undefined);
    // Of a data file that lies beside the model.
    assert.ok(
      layers.some(({ layer, tokens }) => layer === 'left' && tokens === 10),
      JSON.stringify(layers),
    );
  });

  it('leaves the weights of an LSTM out unless it is asked for them', async () => {
    const file = path.join(folder, 'recurrent.onnx');
    writeFileSync(file, recurrent().bytes);
    const documents = new OpenDocuments();
    const document = await documents.open(file);
    const { layers } = await planLayersOf(document, new AbortController().signal);
    await documents.close(document.handle);
    const left = layers.filter(({ leftOut }) => leftOut && !leftOut.always);
    assert.deepEqual([...new Set(left.map(({ name }) => name.replace(/\[.*/, '')))].sort(), ['r', 'w']);
    assert.match(left[0]!.leftOut!.why, /LSTM "lstm" takes the weights of its gates whole/);
  });

  it('knows beforehand which weights stay dense, and why', async () => {
    const said = async (bytes: Uint8Array): Promise<Record<string, string>> => {
      const file = path.join(folder, 'whole.onnx');
      writeFileSync(file, bytes);
      return Object.fromEntries(await wholeWeights(file));
    };
    assert.deepEqual(await said(products().bytes), {});
    const clash = (await said(refusals().bytes))['taken'];
    assert.equal(
      clash,
      'is needed whole in ONNX: the graph has a value called taken.A already, which the factors would be; rename it',
    );
    const gates = await said(recurrent().bytes);
    assert.deepEqual(Object.keys(gates), ['w', 'r']);
    assert.match(
      gates['w']!,
      /^is needed whole in ONNX: LSTM "lstm" takes the weights of its gates whole, .* stand in for one$/,
    );
    const refused = await said(refusals().bytes);
    assert.equal(refused['tied'], 'is needed whole in ONNX: it is used by Gather that computes "row"');
    assert.equal(refused['shown'], 'is needed whole in ONNX: it is also an output of a graph');
    assert.deepEqual(Object.keys(refused).toSorted(), [
      'both',
      'codes',
      'grouped',
      'r',
      'shown',
      'taken',
      'tied',
      'turned',
      'unused',
      'w',
    ]);
  });
});
