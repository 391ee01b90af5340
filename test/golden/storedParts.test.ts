/** Real layers by every method of quantised, low-rank and sparse terms: numpy adds the stored bytes up to the same error. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { openModel } from '../../extension/checkpoint/openModel';
import { decodeRowsOf } from '../../extension/checkpoint/quantised/blockCodes';
import { compressionMatrix } from '../../extension/compression/compressionMatrix';
import { compressMatrix, type StoredLayer } from '../../extension/compression/compressMatrix';
import { rowsAreInputs } from '../../extension/compression/factorLayout';
import { orientedMatrix } from '../../extension/compression/layerElements';
import type { LayerMatrix } from '../../extension/compression/methods/method';
import { loadKernels } from '../../extension/linalg/kernels/loadKernels';
import { QUANTISERS } from '../../extension/shared/compression/methodOptions';
import type { LayerChoice } from '../../extension/shared/compression/plans';
import { pythonWith } from '../harness/python';
import { repositoryRoot, sharedFolder } from '../harness/shared';

const LAYERS: readonly [kind: string, checkpoint: string, tensor: string, expert?: number][] = [
  ['linear', 'checkpoints/stories260K-llama-derived/model.safetensors', 'model.layers.0.mlp.down_proj.weight'],
  ['embedding', 'checkpoints/stories260K-llama-derived/model.safetensors', 'model.embed_tokens.weight'],
  ['convolution', 'checkpoints/resnet-cifar10/resnet20-12fca82f.th', 'module.layer3.0.conv2.weight'],
  ['one of a stack', 'cases/stack3d/transformerlens.pt', 'blocks.0.attn.W_Q', 1],
];

const CHOICES: readonly LayerChoice[] = [
  ...QUANTISERS.map((quantiser) => ({ method: 'quantise', quantiser }) as const),
  { method: 'quantise', quantiser: 'nf4', block: 48 },
  { method: 'quantise', quantiser: 'bipolar', bits: 1, block: 0 },
  { method: 'lost', rank: 8, rounds: 5 },
  { method: 'gear', rank: 4, quantiser: 'int4', rounds: 3 },
  { method: 'lq-lora', rank: 4, quantiser: 'nf3', rounds: 3 },
  { method: 'lq-lora', rank: 4, quantiser: 'bipolar', rounds: 3 },
  { method: 'loftq', rank: 4, rounds: 2 },
  { method: 'robust', rank: 8, rounds: 5 },
  { method: 'pissa', rank: 4 },
  { method: 'olora', rank: 4 },
];

const kernels = loadKernels();
const poll = (): void => undefined;

/** @param expert of a stack; the whole tensor without */
async function matrixOf(checkpoint: string, name: string, expert?: number): Promise<LayerMatrix> {
  const model = await openModel(path.join(sharedFolder!, checkpoint));
  try {
    const tensor = model.tensors.find((each) => each.name === name);
    assert.ok(tensor, `${checkpoint} has no ${name}`);
    const found = compressionMatrix(tensor.shape, tensor.kernelLayout, expert);
    const { rows, cols } = found;
    const transposed = rowsAreInputs(tensor, found, model.tensors);
    const bytes = await model.read(tensor, expert === undefined ? undefined : { start: expert, end: expert + 1 });
    return orientedMatrix({ layer: name, bytes, dtype: tensor.dtype, rows, cols }, transposed, poll);
  } finally {
    await model.close();
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytesOf = (values: Float64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function jobOf({ w, outputs, inputs }: LayerMatrix, { parts, base }: StoredLayer): object {
  const shape = [outputs, inputs];
  return {
    ...{ outputs, inputs, w: { dtype: 'F64', shape, bytes: text(bytesOf(w)) } },
    base: base ? { dtype: base.dtype, shape, bytes: text(base.bytes) } : null,
    parts: parts.map(({ part, fields, values }) => ({
      ...{ kind: part.kind, values },
      fields: Object.fromEntries(fields.map((field) => [field.field, { ...field, bytes: text(field.bytes) }])),
    })),
  };
}

describe('stored parts of real layers', () => {
  for (const [kind, checkpoint, tensor, expert] of LAYERS) {
    it(`${kind}: reported errors are those of the bytes, and codes decode to the same numbers`, async () => {
      const python = pythonWith('numpy');
      if (sharedFolder === undefined || python === undefined) {
        console.log('        ../shared or numpy is not there: not compared');
        return;
      }
      const matrix = await matrixOf(checkpoint, tensor, expert);
      const input = { ...matrix, layer: tensor, storedBytes: 4 * matrix.w.length };
      const layers = CHOICES.map((choice) => compressMatrix(input, choice, {}, 'BF16', { kernels, poll }));
      const { stdout, stderr, status } = spawnSync(python, [path.join(repositoryRoot, 'test/golden/storedParts.py')], {
        input: JSON.stringify(layers.map((layer) => jobOf(matrix, layer))),
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
      });
      assert.equal(status, 0, stderr);
      const results = JSON.parse(stdout) as { error: number; decoded?: string }[];
      for (const [i, { error, decoded }] of results.entries()) {
        const { choice, measured, parts } = layers[i]!;
        const name = JSON.stringify(choice);
        const reported = measured.relative_error;
        assert.ok(Math.abs(reported - error) <= 1e-5 * error, `${name}: ${reported} and not ${error}`);
        if (choice.method !== 'quantise') continue;
        const part = parts[0]!.part;
        assert.ok(part.kind === 'quantised' && decoded !== undefined);
        const numbers = new Float64Array(matrix.w.length);
        decodeRowsOf(part, matrix.inputs, (row, elements) => numbers.set(elements, row * matrix.inputs));
        const expected = new Float64Array(new Uint8Array(Buffer.from(decoded, 'base64')).buffer);
        assert.ok(
          numbers.every((value, at) => value === expected[at]),
          name,
        );
      }
    }).timeout(120_000);
  }
});
