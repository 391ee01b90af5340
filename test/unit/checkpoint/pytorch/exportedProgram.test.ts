/** Programs of torch.export that are not as PyTorch writes them; those that are: `pytorchFixtures.test.ts`. */
import assert from 'node:assert/strict';
import { codeOf, namesOf, readHex, torchFolder } from '../../../harness/checkpoints/torchFiles';
import { zip } from '../../../harness/checkpoints/zipWriter';

const counts = (...values: number[]): object[] => values.map((value) => ({ as_int: value }));

function weight(path: string, shape: number[], meta: object = {}): object {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  return {
    ...{ path_name: path, is_param: true, use_pickle: false },
    tensor_meta: {
      ...{ dtype: 7, sizes: counts(...shape), strides: counts(...strides), storage_offset: { as_int: 0 }, layout: 7 },
      ...meta,
    },
  };
}

function program(
  lists: Readonly<Record<string, string>>,
  storages: Readonly<Record<string, Buffer>>,
  order = 'little',
) {
  return zip([
    ...Object.entries(storages).map(([name, bytes]) => ({ name: `p/data/weights/${name}`, bytes })),
    ...Object.entries(lists).map(([model, json]) => ({
      name: `p/data/weights/${model}_weights_config.json`,
      bytes: Buffer.from(json),
    })),
    { name: 'p/byteorder', bytes: Buffer.from(order) },
  ]);
}

const list = (config: unknown): string => JSON.stringify({ config });
const many = (count: number): string => `{"config": {${Array.from({ length: count }, (_, i) => `"${i}": 0`).join()}}}`;
const four = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer);

describe('programs of torch.export', () => {
  const { open, refusal } = torchFolder();

  it('have names by model where there are several', async () => {
    const one = list({ w: weight('weight_0', [2, 2]) });
    const checkpoint = await open(program({ encoder: one, decoder: one }, { weight_0: four }));
    assert.deepEqual(
      checkpoint.tensors.map(({ name, group }) => [name, group]),
      [
        ['encoder.w', ''],
        ['decoder.w', ''],
      ],
    );
    assert.equal(await readHex(checkpoint, 'decoder.w'), four.toString('hex'));
  });

  it('of big-endian machines are swapped', async () => {
    const swapped = Buffer.from(four).swap32();
    const checkpoint = await open(program({ m: list({ w: weight('weight_0', [4]) }) }, { weight_0: swapped }, 'big'));
    assert.equal(await readHex(checkpoint, 'w'), four.toString('hex'));
  });

  it('name what cannot be read, with the reason', async () => {
    const config = {
      good: weight('weight_0', [2, 2]),
      pickled: { ...weight('weight_0', [2]), use_pickle: true },
      'of no type': weight('weight_0', [2], { dtype: 99 }),
      half: weight('weight_0', [2], { dtype: 9 }),
      sparse: weight('weight_0', [2], { layout: 1 }),
      symbol: weight('weight_0', [2], { sizes: [{ as_expr: { expr_str: 's0' } }] }),
      negative: weight('weight_0', [2], { strides: counts(-1) }),
      uneven: weight('weight_0', [2], { strides: counts(2, 1) }),
      beyond: weight('weight_0', [5]),
      absent: weight('../weight_0', [2]),
      text: 'x',
      long: { ...weight('weight_0', [2]), comment: 'x'.repeat(70_000) },
    };
    const checkpoint = await open(program({ m: list(config) }, { weight_0: four }));
    assert.deepEqual(namesOf(checkpoint), ['good']);
    const told = checkpoint.problems.map(({ code, message }) => `${code} ${message}`).join('\n');
    for (const [name, reason] of [
      ['pickled', /unsupported.*tensor pickled: it is stored as a pickle/],
      ['of no type', /unsupported.*of no type: its elements are of the type of the number 99/],
      ['half', /unsupported.*half: its elements are of the type complex32/],
      ['sparse', /unsupported.*sparse: its elements are not laid out by strides/],
      ['symbol', /malformed.*symbol: its shape/],
      ['negative', /malformed.*negative: its shape/],
      ['uneven', /malformed.*uneven: its shape/],
      ['beyond', /truncated.*beyond: .*needs 20 bytes of a storage that holds 16/],
      ['absent', /absent.*"p\/data\/weights\/\.\.\/weight_0" is missing/],
      ['text', /malformed.*text: its entry does not tell/],
      ['long', /malformed.*long: its entry has \d+ bytes/],
    ] as const) {
      assert.match(told, reason, name);
    }
    assert.equal(await codeOf(checkpoint.read(checkpoint.tensors[0]!)), 'read');
  });

  it('are refused where the list is none', async () => {
    for (const [lists, code, message] of [
      [{ m: '{"config": {"w": ' }, 'malformed', /m_weights_config\.json" is damaged at byte/],
      [{ m: '[]' }, 'malformed', /damaged at byte 0: expected an object/],
      // Of several models together.
      [{ a: many(100_000), b: many(40_000) }, 'limit', /lists more than 131072 tensors/],
      [{ m: `${' '.repeat(51_000_000)}{}` }, 'limit', /m_weights_config\.json/],
      [Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`m${i}`, '{}'])), 'limit', /65 models/],
    ] as const) {
      const error = await refusal(program(lists, { weight_0: four }));
      assert.equal(error.code, code);
      assert.match(error.message, message);
    }
    const order = await refusal(program({ m: list({}) }, {}, 'middle'));
    assert.match(order.message, /byteorder/);
  });
});
