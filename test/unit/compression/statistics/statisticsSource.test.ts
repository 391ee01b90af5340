import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { CompressionError } from '../../../../extension/compression/compressionError';
import { gramCondition } from '../../../../extension/compression/statistics/gramCondition';
import { openStatistics, type StatisticsSource } from '../../../../extension/compression/statistics/statisticsSource';
import type { LayerStatistics, StatisticsSummary } from '../../../../extension/shared/compression/statistics';
import { mutate } from '../../../fuzz/mutate';
import { Random } from '../../../fuzz/random';
import { ramp, safetensorsBytes, type FixtureTensor } from '../../../harness/checkpoints/safetensorsFixtures';
import { floatTensor, GgufWriter, VALUE } from '../../../harness/checkpoints/ggufWriter';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { expected, files } from './statisticsFixtures.json';

const Q = 'model.layers.0.self_attn.q_proj.weight';
const DOWN = 'model.layers.0.mlp.down_proj.weight';
const expert = (index: number): string => `model.layers.0.mlp.experts.${index}.up_proj.weight`;

/** A small Llama with experts, as transformers saves it. */
const MODEL = safetensorsBytes([
  ramp(Q, [4, 6]),
  ramp(DOWN, [6, 8]),
  ...[0, 1, 2].map((index) => ramp(expert(index), [8, 6])),
  ramp('model.norm.weight', [6]),
]);

function floats(name: string, shape: number[], values: readonly number[]): FixtureTensor {
  return { name, dtype: 'F64', shape, bytes: new Uint8Array(Float64Array.from(values).buffer) };
}

function assertClose(found: Float64Array | undefined, wanted: readonly number[], tolerance = 1e-5): void {
  assert.ok(found);
  assert.equal(found.length, wanted.length);
  const scale = Math.max(...wanted.map(Math.abs));
  found.forEach((value, i) =>
    assert.ok(Math.abs(value - wanted[i]!) <= tolerance * scale, `${value} is not ${wanted[i]}`),
  );
}

describe('statistics of a model', () => {
  const folder = temporaryFolder();
  let count = 0;

  function saved(bytes: Uint8Array, ending = 'safetensors'): string {
    const file = path.join(folder, `made${count++}.${ending}`);
    writeFileSync(file, bytes);
    return file;
  }

  async function opened<T>(
    bytes: Uint8Array,
    use: (source: StatisticsSource, summary: StatisticsSummary) => Promise<T> | T,
    model: Uint8Array = MODEL,
  ): Promise<T> {
    const checkpoint = await openModel(
      saved(model, Buffer.from(model).toString('latin1', 0, 4) === 'GGUF' ? 'gguf' : 'safetensors'),
    );
    try {
      const source = await openStatistics(saved(bytes, 'dat'), checkpoint);
      try {
        return await use(source, source.summary);
      } finally {
        await source.close();
      }
    } finally {
      await checkpoint.close();
    }
  }

  const layerOf = (tensors: readonly FixtureTensor[], layer = Q, model?: Uint8Array): Promise<LayerStatistics> =>
    opened(safetensorsBytes(tensors), (source) => source.layer(layer), model);

  for (const form of ['gguf', 'binary'] as const) {
    it(`are read from an imatrix in its ${form} form, experts each by its own row`, async () => {
      await opened(Buffer.from(files[form], 'base64'), async (source, summary) => {
        assert.equal(summary.format, 'imatrix');
        assert.equal(summary.synthetic, false);
        assertClose((await source.layer(Q)).squareMean, expected.attention.squareMean);
        assertClose((await source.layer(DOWN)).squareMean, expected.down.squareMean);
        assertClose((await source.layer(expert(0))).squareMean, expected.experts[0]!);
        assertClose((await source.layer(expert(1))).squareMean, expected.experts[1]!);
        const tokens = summary.covered.map((layer) => [layer.layer, layer.tokens]);
        if (form === 'binary') {
          assert.deepEqual(
            tokens,
            [Q, DOWN, expert(0), expert(1), expert(2)].map((name) => [name, null]),
          );
          return;
        }
        assert.deepEqual(tokens, [
          [Q, expected.tokens],
          [DOWN, expected.tokens],
          [expert(0), expected.tokens],
          [expert(1), expected.tokens / 2],
        ]);
        assert.deepEqual(summary.missing, [expert(2)]);
        assert.match(summary.problems.join(), /experts\.2\.up_proj.*no token reached it/);
        await assert.rejects(source.layer(expert(2)), { code: 'invalid-statistics', message: /no token reached it/ });
      });
    });
  }

  it('are read for a GGUF model by its own names, a stack of experts by its rows', async () => {
    const writer = new GgufWriter();
    const model = writer.file({
      pairs: [writer.pair('general.architecture', VALUE.TEXT, 'llama')],
      tensors: [floatTensor('blk.0.attn_q.weight', [4, 6]), floatTensor('blk.0.ffn_up_exps.weight', [3, 8, 6])],
    });
    for (const form of ['gguf', 'binary'] as const) {
      await opened(
        Buffer.from(files[form], 'base64'),
        async (source, summary) => {
          assertClose((await source.layer('blk.0.attn_q.weight')).squareMean, expected.attention.squareMean);
          assertClose((await source.layer('blk.0.ffn_up_exps.weight[1]')).squareMean, expected.experts[1]!);
          assert.deepEqual(summary.unknown, ['blk.0.ffn_down.weight']);
        },
        model,
      );
    }
  });

  it('tell the influence of blocks, and refuse what is none', async () => {
    const gram = floats('model.layers.0.self_attn.q_proj.input_mean', [6], [0, 0, 0, 0, 0, 1]);
    const scalar = (block: string, shape: number[], ...values: number[]): FixtureTensor =>
      floats(`${block}.block_influence`, shape, values);
    await opened(
      safetensorsBytes([
        ...[gram, scalar('model.layers.0', [], 0.25), scalar('model.layers.1', [1], 1.5)],
        ...[
          scalar('model.layers.2', [2], 0.1, 0.2),
          scalar('model.layers.3', [], 3),
          scalar('model.layers.4', [], NaN),
        ],
      ]),
      (_, { blockInfluence, problems, unknown }) => {
        assert.deepEqual(blockInfluence, { 'model.layers.0': 0.25, 'model.layers.1': 1.5 });
        assert.deepEqual(unknown, []);
        assert.deepEqual(
          problems.map((problem) => problem.replace(/;.*/, '')),
          [
            'model.layers.2.block_influence has the shape [2], but the influence of a block is one number',
            'model.layers.3.block_influence is 3, but 1 − a cosine lies between 0 and 2',
            'model.layers.4.block_influence is NaN, but 1 − a cosine lies between 0 and 2',
          ],
        );
      },
    );
    await opened(safetensorsBytes([gram]), (_, summary) => assert.ok(!('blockInfluence' in summary)));
  });

  it('are read from safetensors by the names of modules and of weights', async () => {
    await opened(Buffer.from(files.safetensors, 'base64'), async (source, summary) => {
      assert.equal(summary.synthetic, true);
      assert.deepEqual(summary.problems, []);
      assert.deepEqual(
        summary.covered.map(({ layer, tokens, has }) => [layer, tokens, has]),
        [
          [Q, expected.tokens, ['gram', 'mean', 'absMean', 'fisher']],
          [DOWN, null, ['gram']],
        ],
      );
      const found = await source.layer(Q);
      assertClose(found.gram, expected.attention.gram);
      assertClose(found.mean, expected.attention.mean);
      assertClose(found.absMean, expected.attention.absMean);
      assertClose(found.fisher, expected.fisher, 0);
      assert.equal(found.tokens, expected.tokens);
      assertClose((await source.layer(DOWN)).gram, expected.down.gram);
      assert.deepEqual(await source.layer(expert(0)), {});
      await assert.rejects(source.layer('model.norm.weight'), { code: 'unknown-layer' });
      const condition = gramCondition(found.gram!.slice(), 6);
      assert.ok(Math.abs(condition / expected.attention.condition - 1) < 1e-3, `${condition}`);
      assert.equal(gramCondition(Float64Array.of(1, 1, 1, 1), 2), Infinity);
    });
  });

  it('turn the Fisher information of a weight that is stored in × out', async () => {
    const model = safetensorsBytes([ramp('h.0.attn.c_attn.weight', [2, 3]), ramp('h.0.attn.c_attn.bias', [3])]);
    const fisher = floats('h.0.attn.c_attn.fisher', [2, 3], [1, 2, 3, 4, 5, 6]);
    const gram = floats('h.0.attn.c_attn.input_gram', [2, 2], [2, 1, 1, 2]);
    const found = await layerOf([fisher, gram], 'h.0.attn.c_attn.weight', model);
    assert.deepEqual(found.fisher, Float64Array.of(1, 4, 2, 5, 3, 6));
    const rows = await layerOf([floats('h.0.attn.c_attn.fisher', [3], [1, 2, 3])], 'h.0.attn.c_attn.weight', model);
    assert.deepEqual(rows.fisher, Float64Array.of(1, 2, 3));
  });

  it('have a fingerprint of the content, not of the place', async () => {
    const bytes = Buffer.from(files.safetensors, 'base64');
    const changed = Buffer.from(bytes);
    changed[changed.length - 1]! ^= 1;
    const of = (content: Uint8Array): Promise<string> => opened(content, (_, { fingerprint }) => fingerprint);
    assert.equal(await of(bytes), await of(bytes));
    assert.notEqual(await of(bytes), await of(changed));
  });

  const eye = (n: number, change: (values: number[]) => void): number[] => {
    const values = Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 2 : 0));
    change(values);
    return values;
  };
  const gram = (change: (values: number[]) => void): FixtureTensor => floats(`${Q}.input_gram`, [6, 6], eye(6, change));
  const vector = (field: string, values: readonly number[]): FixtureTensor =>
    floats(`${Q}.${field}`, [values.length], values);
  const wrong: Readonly<Record<string, [FixtureTensor[], RegExp]>> = {
    'a Gram matrix of another shape': [
      [
        floats(
          `${Q}.input_gram`,
          [4, 4],
          eye(4, () => 0),
        ),
      ],
      /shape \[4,4\], but 4 outputs and 6 inputs want \[6,6\]/,
    ],
    'an asymmetric one': [[gram((values) => (values[1] = 1))], /not symmetric: 0 at row 1, column 0, but 1/],
    'one with NaN': [[gram((values) => (values[8] = NaN))], /holds NaN at row 2, column 1/],
    'one with Inf in its diagonal': [[gram((values) => (values[7] = Infinity))], /holds Infinity at row 1, column 1/],
    'one with a negative sum of squares': [[gram((values) => (values[0] = -1))], /indefinite: -1 at row 0/],
    'one that is indefinite off its diagonal': [
      [gram((values) => (values[1] = values[6] = 3))],
      /indefinite: 3 at row 1, column 0/,
    ],
    'one of zeros': [[gram((values) => values.fill(0))], /0 everywhere/],
    'a mean beyond its Gram matrix': [
      [gram(() => 0), vector('input_mean', [1, 0, 0, 0, 0, 0]), floats(`${Q}.tokens`, [], [100])],
      /mean 1 of input 0 over 100 tokens .* sum over tokens/,
    ],
    'a negative magnitude': [
      [vector('input_abs_mean', [1, 1, -1, 1, 1, 1])],
      /holds -1 at 2, which no mean of magnitudes/,
    ],
    'negative Fisher information': [
      [vector('fisher', [1, -1, 1, 1])],
      /holds -1 at 1, which no sum of squared gradients/,
    ],
    'a vector of another length': [[vector('input_abs_mean', [1, 1])], /shape \[2\]/],
    'a huge count': [[gram(() => 0), floats(`${Q}.tokens`, [], [1e300])], /1e\+300 tokens/],
    'a count below zero': [[gram(() => 0), floats(`${Q}.tokens`, [], [-3])], /-3 tokens/],
    'a count that is NaN': [[gram(() => 0), floats(`${Q}.tokens`, [], [NaN])], /NaN tokens/],
    'no tokens': [[gram(() => 0), floats(`${Q}.tokens`, [], [0])], /no token reached it/],
    'Fisher information of another shape': [
      [floats(`${Q}.fisher`, [6, 4], new Array(24).fill(1) as number[])],
      /shape \[6,4\].* want \[4\] or \[4,6\]/,
    ],
  };
  for (const [what, [tensors, message]] of Object.entries(wrong)) {
    it(`refuse ${what}`, async () => {
      await assert.rejects(layerOf(tensors), (error: unknown) => {
        assert.ok(error instanceof CompressionError);
        assert.equal(error.code, 'invalid-statistics');
        assert.match(error.message, message);
        assert.ok(error.message.includes(Q) && error.where.file?.endsWith('.dat'), error.message);
        return true;
      });
    });
  }

  it('average what rounding made of a symmetric matrix', async () => {
    const found = await layerOf([gram((values) => ([values[1], values[6]] = [0.5, 0.501]))]);
    assert.equal(found.gram![1], 0.5005);
    assert.equal(found.gram![6], 0.5005);
  });

  it('refuse a file for another model, an empty one, and what is none', async () => {
    const none = (bytes: Uint8Array, message: RegExp): Promise<void> =>
      assert.rejects(
        opened(bytes, () => undefined),
        { name: 'CompressionError', code: 'invalid-statistics', message },
      );
    await none(
      safetensorsBytes([floats('other.input_mean', [2], [1, 2])]),
      /none of its 1 names \(other\) is that of a layer of/,
    );
    await none(safetensorsBytes([ramp('a', [2])]), /holds no statistics of any layer/);
    const binary = Buffer.from(files.binary, 'base64');
    const renamed = Buffer.from(binary.toString('latin1').replaceAll('blk.0.', 'xxx.0.'), 'latin1');
    await none(renamed, /none of its 3 names \(xxx\.0\.attn_q\.weight, /);
    const changed = (at: number, value: number): Buffer => {
      const copy = Buffer.from(binary);
      copy.writeInt32LE(value, at);
      return copy;
    };
    await none(changed(0, 0), /declares 0 entries/);
    await none(changed(0, 0x7fffffff), /declares 2147483647 entries/);
    await none(changed(4, -1), /name of entry 0 has -1 bytes/);
    await none(changed(4 + 4 + 19, 0), /entry blk\.0\.attn_q\.weight is of 0 calls/);
    await none(changed(4 + 4 + 19 + 4, 0x7fffffff), /2147483647 numbers, but the file ends before/);
    // The file is named once.
    await none(binary.subarray(0, 60), /^(?!.*(\.[a-z]+).*\1[,:]).*byte \d+: /);
    await none(Buffer.from('PK\x03\x04 and so on, which is no imatrix'), /as an imatrix/);
    await none(new Uint8Array(0), /ends inside an entry/);
  });

  it('say what of a damaged file cannot be used, whatever the damage', async () => {
    const checkpoint = await openModel(saved(MODEL));
    let used = 0;
    for (const [form, text] of Object.entries(files)) {
      for (let number = 0; number < 400; number++) {
        const random = new Random('statistics', form, number);
        const { bytes, description } = mutate(Buffer.from(text, 'base64'), random);
        try {
          const source = await openStatistics(saved(bytes, 'dat'), checkpoint);
          try {
            for (const { layer } of source.summary.covered) {
              const found = await source.layer(layer);
              for (const values of Object.values(found) as (Float64Array | number)[]) {
                assert.ok(
                  typeof values === 'number' || values.every(Number.isFinite),
                  `${form} ${number}: ${description}`,
                );
              }
              used++;
            }
          } finally {
            await source.close();
          }
        } catch (error) {
          if (!(error instanceof CompressionError)) throw error;
          assert.equal(error.code, 'invalid-statistics', `${form} ${number}: ${description}`);
          assert.ok(error.where.file !== undefined);
        }
      }
    }
    await checkpoint.close();
    assert.ok(used > 500, `only ${used} layers were used`);
  });
});
