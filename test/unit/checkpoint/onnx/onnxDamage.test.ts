import assert from 'node:assert/strict';
import path from 'node:path';
import { CheckpointError } from '../../../../extension/checkpoint/checkpointError';
import {
  attribute,
  bytesField,
  concat,
  external,
  float32,
  floatTensor,
  graph,
  lyingField,
  type Message,
  model,
  node,
  TYPE,
  varint,
  varintField,
} from '../../../harness/checkpoints/onnxWriter';
import { openedOnnx } from '../../../harness/checkpoints/openedOnnx';

describe('onnx: damaged and hostile models', () => {
  const { folder, open } = openedOnnx();

  async function refusal(bytes: Uint8Array): Promise<CheckpointError> {
    try {
      await open(bytes);
    } catch (error) {
      assert.ok(error instanceof CheckpointError, String(error));
      assert.equal(error.where.file, path.join(folder, 'model.onnx'));
      return error;
    }
    assert.fail('was opened');
  }

  const good = model(
    graph({ initializers: [floatTensor('first', [3]), floatTensor('second', [3]), floatTensor('third', [3])] }),
  );

  it('cut anywhere show the tensors before the cut, with one problem that says where', async () => {
    const ends = ['first', 'second', 'third'].map((name) => {
      const at = Buffer.from(good).indexOf(name);
      return at + name.length + 2 + 12;
    });
    for (let length = 0; length < good.length; length++) {
      const whole = ends.filter((end) => end <= length).length;
      if (whole === 0) {
        const error = await refusal(good.subarray(0, length));
        assert.ok(['truncated', 'unknown-format'].includes(error.code), `cut at ${length}: ${error.code}`);
        continue;
      }
      const checkpoint = await open(good.subarray(0, length));
      const found = checkpoint.tensors.map(({ name }) => name);
      assert.deepEqual(found, ['first', 'second', 'third'].slice(0, whole), `cut at ${length}`);
      const values = await checkpoint.read(checkpoint.tensors[whole - 1]!);
      assert.deepEqual([...values], [...float32(0, 0.25, 0.5)]);
      // A cut between the model's own fields leaves a complete, shorter model.
      const complete = length >= ends[2]! && checkpoint.problems.length === 0;
      if (!complete) {
        assert.deepEqual(
          checkpoint.problems.map(({ code }) => code),
          ['truncated'],
          `cut at ${length}`,
        );
        assert.ok(checkpoint.problems[0]!.offset! <= length);
      }
    }
  });

  it('name the tensor that the cut goes through', async () => {
    const cut = Buffer.from(good).indexOf('third') + 5 + 2 + 7;
    const { problems } = await open(good.subarray(0, cut));
    assert.equal(problems[0]!.tensor, 'third');
    assert.match(problems[0]!.message, new RegExp(`ends at byte ${cut}`));
  });

  it('keep the tensors after one that is damaged', async () => {
    const bytes = good.slice();
    // The second tensor's data_type tag becomes a group.
    const at = Buffer.from(bytes).indexOf('second') - 4;
    assert.equal(bytes[at], 2 * 8);
    bytes[at] = 2 * 8 + 3;
    const { tensors, problems } = await open(bytes);
    assert.deepEqual(
      tensors.map(({ name }) => name),
      ['first', 'third'],
    );
    assert.deepEqual([problems.length, problems[0]!.code, problems[0]!.offset], [1, 'malformed', at]);
    assert.match(problems[0]!.message, /group/);
  });

  const inTensor = (...fields: readonly Message[]) => model(graph({ initializers: [concat(...fields)] }));
  const base = [varintField(1, 1), varintField(2, TYPE.FLOAT), bytesField(8, 'w'), bytesField(9, float32(1))];
  const damaged: readonly { what: string; bytes: Uint8Array; code: string; says: RegExp }[] = [
    { what: 'an empty file', bytes: new Uint8Array(), code: 'unknown-format', says: /no graph/ },
    { what: 'no graph', bytes: varintField(1, 8), code: 'unknown-format', says: /no graph/ },
    { what: 'a field number 0', bytes: concat(model(graph({})), [0, 0]), code: 'malformed', says: /field number/ },
    {
      what: 'a group',
      bytes: inTensor(varintField(1, 1), Uint8Array.of(2 * 8 + 3)),
      code: 'malformed',
      says: /group wire type 3/,
    },
    {
      what: 'a wire type that does not exist',
      bytes: inTensor(Uint8Array.of(2 * 8 + 6, 0)),
      code: 'malformed',
      says: /wire type 6/,
    },
    {
      what: 'an overlong varint',
      bytes: inTensor(concat(varint(8), new Array<number>(10).fill(0x80), [0])),
      code: 'malformed',
      says: /more than 64 bits/,
    },
    {
      what: 'a varint of 65 bits',
      bytes: inTensor(concat(varint(8), new Array<number>(9).fill(0xff), [2])),
      code: 'malformed',
      says: /more than 64 bits/,
    },
    {
      what: 'a tag of more than 32 bits',
      bytes: inTensor(concat(varint(2n ** 35n + 8n), [0])),
      code: 'malformed',
      says: /field number/,
    },
    {
      what: 'a length beyond its message',
      bytes: concat(inTensor(lyingField(9, 1000, float32(1))), new Uint8Array(2000).fill(8)),
      code: 'malformed',
      says: /up to byte \d+ in a message that ends at byte/,
    },
    {
      what: 'a length of 2^64 - 1',
      bytes: lyingField(7, 2n ** 64n - 1n, graph({})),
      code: 'truncated',
      says: /promises data up to byte/,
    },
    { what: 'a graph that is a number', bytes: varintField(7, 1), code: 'malformed', says: /wire type 0, expected 2/ },
    {
      what: 'a name that is a number',
      bytes: inTensor(varintField(8, 1)),
      code: 'malformed',
      says: /wire type 0, expected 2/,
    },
    {
      what: 'two data types',
      bytes: inTensor(...base, varintField(2, 1)),
      code: 'malformed',
      says: /repeats field number 2/,
    },
    {
      what: 'two names',
      bytes: inTensor(...base, bytesField(8, 'v')),
      code: 'malformed',
      says: /repeats field number 8/,
    },
    {
      what: 'two raw_data fields',
      bytes: inTensor(...base, bytesField(9, float32(1))),
      code: 'malformed',
      says: /repeats field number 9/,
    },
    {
      what: 'a negative axis',
      bytes: inTensor(varintField(1, -1), ...base.slice(1)),
      code: 'malformed',
      says: /negative/,
    },
    {
      what: 'an axis beyond 2^53',
      bytes: inTensor(varintField(1, 2n ** 60n), ...base.slice(1)),
      code: 'malformed',
      says: /beyond 2\^53/,
    },
    {
      what: 'a shape whose product overflows',
      bytes: inTensor(...new Array<Message>(8).fill(varintField(1, 2 ** 31)), ...base.slice(1)),
      code: 'limit',
      says: /too large/,
    },
    {
      what: 'more axes than any tensor has',
      bytes: inTensor(...new Array<Message>(65).fill(varintField(1, 1)), ...base.slice(1)),
      code: 'limit',
      says: /more than 64 axes/,
    },
    {
      what: 'an undefined type',
      bytes: inTensor(varintField(1, 1), bytesField(9, float32(1))),
      code: 'unsupported',
      says: /0/,
    },
    {
      what: 'a name of a megabyte',
      bytes: inTensor(...base.slice(0, 2), bytesField(8, 'n'.repeat(2 ** 20)), ...base.slice(3)),
      code: 'limit',
      says: /1048576 bytes, more than the limit/,
    },
    {
      what: 'an unknown data_location',
      bytes: inTensor(...base, varintField(14, 2)),
      code: 'malformed',
      says: /data_location 2/,
    },
    {
      what: 'external data of many keys',
      bytes: inTensor(
        ...base.slice(0, 3),
        external(Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, '']))),
      ),
      code: 'limit',
      says: /16 external_data/,
    },
    {
      what: 'external data that repeats a key',
      bytes: inTensor(
        ...base.slice(0, 3),
        external({ location: 'a' }),
        bytesField(13, concat(bytesField(1, 'location'))),
      ),
      code: 'malformed',
      says: /repeats the external_data key location/,
    },
  ];
  for (const { what, bytes, code, says } of damaged) {
    it(`with ${what} are refused with file and place`, async () => {
      if (code === 'unsupported') {
        const { problems, tensors } = await open(bytes);
        assert.deepEqual([tensors.length, problems[0]!.code], [0, code]);
        assert.match(problems[0]!.message, says);
        return;
      }
      const error = await refusal(bytes);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, says);
      if (code !== 'unknown-format') assert.equal(typeof error.where.offset, 'number');
    });
  }

  it('with a second graph keep the first', async () => {
    const { tensors, problems } = await open(
      concat(good, bytesField(7, graph({ initializers: [floatTensor('late', [1])] }))),
    );
    assert.deepEqual(
      tensors.map(({ name }) => name),
      ['first', 'second', 'third'],
    );
    assert.deepEqual([problems.length, problems[0]!.code, problems[0]!.offset], [1, 'malformed', good.length]);
  });

  it('nested beyond the limit are read down to it', async () => {
    let nested = graph({ initializers: [floatTensor('deepest', [1])] });
    for (let depth = 0; depth < 500; depth++) {
      nested = graph({ nodes: [node('If', { attributes: [attribute('then_branch', bytesField(6, nested))] })] });
    }
    const { tensors, problems } = await open(model(concat(nested, bytesField(5, floatTensor('outer', [1])))));
    assert.deepEqual(
      tensors.map(({ name }) => name),
      ['outer'],
    );
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['limit'],
    );
    assert.match(problems[0]!.message, /33 deep/);
  });

  it('with fifty thousand equal names are listed, each with its own', async () => {
    const one = bytesField(5, floatTensor('w', [1]));
    const { tensors } = await open(model(concat(...new Array<Uint8Array>(50_000).fill(one))));
    assert.equal(new Set(tensors.map(({ name }) => name)).size, 50_000);
  });

  it('with operator sets without end keep a bounded list of them', async () => {
    const set = bytesField(8, varintField(2, 17));
    const count = 1_700_000;
    const sets = new Uint8Array(count * set.length);
    for (let i = 0; i < count; i++) sets.set(set, i * set.length);
    const { problems, tensors } = await open(model(bytesField(5, floatTensor('w', [1])), sets));
    assert.deepEqual(
      tensors.map(({ name }) => name),
      ['w'],
    );
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['limit'],
    );
    assert.match(problems[0]!.message, /bytes of metadata/);
  });

  it('with fields, faults or functions without end are read up to a limit, which is told once', async () => {
    const w = bytesField(5, floatTensor('w', [1]));
    const endless = (field: Uint8Array, count: number): Uint8Array => Buffer.alloc(field.length * count, field);
    const functions = Array.from({ length: 70_000 }, (_, i) => bytesField(25, bytesField(1, `f${i}`)));
    for (const [bytes, says] of [
      [model(concat(w, endless(varintField(6, 0), 5_100_000))), /more than 5000000 fields/],
      [model(concat(w, endless(bytesField(5, new Uint8Array()), 200_000))), /more than 5000000 fields/],
      [model(w, Buffer.concat(functions)), /more than 65536 functions/],
    ] as const) {
      const { problems, tensors } = await open(bytes);
      assert.deepEqual(
        tensors.map(({ name }) => name),
        ['w'],
      );
      const limits = problems.filter(({ code }) => code === 'limit');
      const dropped = problems.length > 1000;
      assert.ok(dropped || limits.length === 1, says.source);
      if (!dropped) assert.match(limits[0]!.message, says);
      else assert.ok(Number(/and (\d+) further/.exec(problems.at(-1)!.message)![1]) < 130_000);
    }
  });

  it('with a hundred thousand faults keep a bounded list of them', async () => {
    const bad = bytesField(5, Uint8Array.of(2 * 8 + 3));
    const { problems, tensors } = await open(
      model(concat(...new Array<Uint8Array>(100_000).fill(bad), bytesField(5, floatTensor('w', [1])))),
    );
    assert.equal(tensors.length, 1);
    assert.equal(problems.length, 1001);
    assert.match(problems.at(-1)!.message, /99000 further problems/);
  });
});
