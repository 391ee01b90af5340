import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { isStored } from '../../../../extension/compression/storageNotes';
import { summarise } from '../../../../extension/engine/document/summary';
import {
  bytesField,
  graph,
  type Message,
  node,
  runnableModel,
  tensor,
  TYPE,
} from '../../../harness/checkpoints/onnxWriter';
import { safetensorsBytes, type FixtureTensor } from '../../../harness/checkpoints/safetensorsFixtures';
import { naiveProduct, randomMatrix } from '../../../harness/numbers/denseReference';
import { temporaryFolder } from '../../../harness/temporaryFolder';

function floats(name: string, shape: number[], values: ArrayLike<number>): FixtureTensor {
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

function random(name: string, shape: [number, ...number[]], seed: number): FixtureTensor {
  return floats(
    name,
    shape,
    randomMatrix(
      shape[0],
      shape.slice(1).reduce((a, b) => a * b, 1),
      seed,
    ),
  );
}

const scalar = (name: string, value: number): FixtureTensor => floats(name, [], [value]);

function values({ bytes }: FixtureTensor): Float64Array {
  return Float64Array.from(new Float32Array(bytes.slice().buffer));
}

/** L·R of the whole tensors. */
function times(left: FixtureTensor, right: FixtureTensor): Float64Array {
  const rank = right.shape[0]!;
  const [rows, cols] = [left.shape[0]!, right.shape.slice(1).reduce((a, b) => a * b, 1)];
  return naiveProduct(values(left), values(right), rows, cols, rank);
}

describe('weights that are stored as factors', () => {
  const folder = temporaryFolder();
  let count = 0;

  async function opened<T>(
    tensors: readonly FixtureTensor[],
    use: (checkpoint: Checkpoint) => Promise<T> | T,
    { config, metadata }: { config?: object; metadata?: Record<string, string> } = {},
  ): Promise<T> {
    const own = path.join(folder, `model${count++}`);
    mkdirSync(own);
    const file = path.join(own, 'model.safetensors');
    writeFileSync(file, safetensorsBytes(tensors, metadata));
    if (config) writeFileSync(path.join(own, 'config.json'), JSON.stringify(config));
    const checkpoint = await openModel(file);
    try {
      return await use(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  async function assertMade(
    checkpoint: Checkpoint,
    name: string,
    shape: readonly number[],
    expected: Float64Array,
  ): Promise<void> {
    const made = checkpoint.tensors.find((each) => each.name === name);
    assert.ok(made, `${name} is not among ${checkpoint.tensors.map((each) => each.name).join(', ')}`);
    assert.deepEqual(made.shape, shape);
    const all = new Float32Array((await checkpoint.read(made)).slice().buffer);
    assert.equal(all.length, expected.length);
    const largest = Math.max(...expected.map(Math.abs));
    all.forEach((value, i) =>
      assert.ok(Math.abs(value - expected[i]!) <= 1e-6 * largest, `${i}: ${value}, ${expected[i]}`),
    );
    const rows = { start: 1, end: shape[0]! };
    const band = new Float32Array((await checkpoint.read(made, rows)).slice().buffer);
    assert.deepEqual(band, all.slice(all.length / shape[0]!));
    assert.equal(isStored(made), false);
  }

  const listed = ({ tensors }: Checkpoint): string[] => tensors.map(({ name }) => name);

  it('ALinear and BLinear: A·B of ASVD and of our own models, B·A of Dobi-SVD', async () => {
    const [a, b] = [random('m.q.ALinear.weight', [5, 2], 1), random('m.q.BLinear.weight', [2, 7], 2)];
    await opened([a, b, random('m.norm.weight', [3], 3)], async (checkpoint) => {
      assert.deepEqual(listed(checkpoint), [a.name, b.name, 'm.q.weight', 'm.norm.weight']);
      await assertMade(checkpoint, 'm.q.weight', [5, 7], times(a, b));
      assert.equal(checkpoint.tensors[2]!.product?.rank, 2);
      assert.deepEqual(checkpoint.problems, []);
      const { parameters, tensors } = summarise(checkpoint, 'd', [], { fields: {}, tied: false });
      assert.equal(parameters, 10 + 14 + 3);
      assert.deepEqual(
        tensors.map(({ layers, noSpectrum }) => noSpectrum ?? layers.join()),
        ['a part of m.q.weight', 'a part of m.q.weight', 'm.q.weight', '1-D tensor'],
      );
    });
    const [c, d] = [random('m.q.ALinear.weight', [2, 7], 1), random('m.q.BLinear.weight', [5, 2], 2)];
    await opened([c, d], (checkpoint) => assertMade(checkpoint, 'm.q.weight', [5, 7], times(d, c)));
  });

  it('ALinear and BLinear of a square weight: the product of smaller rank, or as the others of the model', async () => {
    const square = (first: number, second: number): FixtureTensor[] => [
      random('s.ALinear.weight', [first, second], 1),
      random('s.BLinear.weight', [second, first], 2),
    ];
    const [a, b] = square(6, 2) as [FixtureTensor, FixtureTensor];
    await opened([a, b], (checkpoint) => assertMade(checkpoint, 's.weight', [6, 6], times(a, b)));
    const [c, d] = square(2, 6) as [FixtureTensor, FixtureTensor];
    await opened([c, d], (checkpoint) => assertMade(checkpoint, 's.weight', [6, 6], times(d, c)));
    const [e, f] = square(4, 4) as [FixtureTensor, FixtureTensor];
    await opened([e, f], (checkpoint) => assertMade(checkpoint, 's.weight', [4, 4], times(e, f)));
    const dobi = [random('t.ALinear.weight', [2, 7], 3), random('t.BLinear.weight', [5, 2], 4)];
    await opened([e, f, ...dobi], (checkpoint) => assertMade(checkpoint, 's.weight', [4, 4], times(f, e)));
  });

  it('convolutions: a narrow kernel and 1 × 1 behind it', async () => {
    const [a, b] = [random('c.ALinear.weight', [5, 2, 1, 1], 1), random('c.BLinear.weight', [2, 3, 3, 3], 2)];
    await opened([a, b], (checkpoint) => assertMade(checkpoint, 'c.weight', [5, 3, 3, 3], times(a, b)));
  });

  it('u_proj and v_proj of SVD-LLM', async () => {
    const pairs = ['self_attn.q', 'self_attn.v', 'mlp.down', 'fc1'].map((name, i) => {
      const own = (which: string): string => `layers.0.${name}_${which}_proj.weight`;
      return [random(own('u'), [5, 2], i), random(own('v'), [2, 7], i + 9)] as const;
    });
    await opened(pairs.flat(), async (checkpoint) => {
      const names = ['self_attn.q_proj', 'self_attn.v_proj', 'mlp.down_proj', 'fc1'];
      for (const [i, name] of names.entries()) {
        await assertMade(checkpoint, `layers.0.${name}.weight`, [5, 7], times(...pairs[i]!));
      }
      assert.equal(checkpoint.tensors.length, 12);
    });
  });

  it('A and B of our ONNX models: as the operators multiply by them', async () => {
    // What the operators multiply by: x·B·A of MatMul has W = B·A, in × out; a convolution has W = A·B.
    const raw = ({ shape, bytes }: FixtureTensor, name: string): Message =>
      tensor(name, shape, TYPE.FLOAT, bytesField(9, bytes));
    for (const size of [7, 5]) {
      const [b, a] = [random('b', [size, 2], 1), random('a', [2, 5], 2)];
      const [ca, cb] = [random('ca', [4, 2, 1, 1], 3), random('cb', [2, 3, 3, 3], 4)];
      const nodes = [
        node('MatMul', { name: 'm.B', inputs: ['x', 'W.B'], output: 'y.B' }),
        node('MatMul', { name: 'm.A', inputs: ['y.B', 'W.A'], output: 'y' }),
        node('Conv', { name: 'c.B', inputs: ['z', 'K.B'], output: 'u' }),
        node('Conv', { name: 'c.A', inputs: ['u', 'K.A'], output: 'v' }),
      ];
      const initializers = [raw(b, 'W.B'), raw(a, 'W.A'), raw(ca, 'K.A'), raw(cb, 'K.B')];
      const file = path.join(folder, `pairs${count++}.onnx`);
      writeFileSync(file, runnableModel(graph({ nodes, initializers })));
      const checkpoint = await openModel(file);
      await assertMade(checkpoint, 'W', [size, 5], times(b, a));
      await assertMade(checkpoint, 'K', [4, 3, 3, 3], times(ca, cb));
      assert.deepEqual(checkpoint.problems, []);
      await checkpoint.close();
    }
  });

  it('LoRA of kohya and of diffusers, scaled by α/r', async () => {
    for (const [up, down] of [
      ['x.lora_up.weight', 'x.lora_down.weight'],
      ['x.lora.up.weight', 'x.lora.down.weight'],
      ['x_lora.up.weight', 'x_lora.down.weight'],
      ['x.lora_linear_layer.up.weight', 'x.lora_linear_layer.down.weight'],
    ] as const) {
      const [u, d] = [random(up, [5, 2], 1), random(down, [2, 7], 2)];
      const product = times(u, d);
      await opened([d, u, scalar('x.alpha', 6)], async (checkpoint) => {
        await assertMade(
          checkpoint,
          'x.delta_weight',
          [5, 7],
          product.map((value) => 3 * value),
        );
        assert.deepEqual(checkpoint.problems, []);
      });
      await opened([d, u], (checkpoint) => assertMade(checkpoint, 'x.delta_weight', [5, 7], product));
    }
    const [u, d] = [random('c.lora_up.weight', [5, 2, 1, 1], 1), random('c.lora_down.weight', [2, 3, 3, 3], 2)];
    await opened([d, u], (checkpoint) => assertMade(checkpoint, 'c.delta_weight', [5, 3, 3, 3], times(u, d)));
  });

  it('Basis Sharing: coefficients of a layer and the basis of its group', async () => {
    const layers = [0, 1, 2].map((layer) => random(`model.layers.${layer}.self_attn.q_proj.weight`, [5, 2], layer));
    const basis = (layer: number): FixtureTensor => random(`model.q_basis.${layer}.weight`, [2, 7], layer + 9);
    const config = { q_groups: [[0, 1], [2]] };
    await opened(
      [...layers, basis(0), basis(2)],
      async (checkpoint) => {
        for (const [layer, own] of layers.entries()) {
          const name = `model.layers.${layer}.self_attn.q_proj.product_weight`;
          await assertMade(checkpoint, name, [5, 7], times(own, basis(layer === 1 ? 0 : layer)));
        }
      },
      { config },
    );
    const beside = random('model.layers.0.self_attn.q_basis.weight', [2, 7], 5);
    await opened([layers[0]!, beside], (checkpoint) =>
      assertMade(checkpoint, 'model.layers.0.self_attn.q_proj.product_weight', [5, 7], times(layers[0]!, beside)),
    );
    // GPT-2 has two modules of one name.
    const attention = random('transformer.h.0.attn.c_proj.weight', [4, 2], 1);
    const down = random('transformer.h.0.mlp.c_proj.weight', [4, 3], 2);
    const [o, d] = [
      random('transformer.o_basis.0.weight', [2, 4], 3),
      random('transformer.down_basis.0.weight', [3, 8], 4),
    ];
    await opened([attention, down, o, d], async (checkpoint) => {
      await assertMade(checkpoint, 'transformer.h.0.attn.c_proj.product_weight', [4, 4], times(attention, o));
      await assertMade(checkpoint, 'transformer.h.0.mlp.c_proj.product_weight', [4, 8], times(down, d));
    });
  });

  it('the two modules of a Sequential that a note names', async () => {
    const [a, b] = [random('m.1.weight', [5, 2], 1), random('m.0.weight', [2, 7], 2)];
    const turned = floats('e.1.weight', [7, 2], randomMatrix(7, 2, 4));
    const table = random('e.0.weight', [5, 2], 3);
    const notes = {
      layers: [{ layer: 'm.weight', weight: { product: ['m.1.weight', 'm.0.weight'] } }],
      previous: { layer: 'e.weight', weight: { product: ['e.0.weight', 'e.1.weight'], transposed: 'e.1.weight' } },
    };
    await opened(
      [b, a, table, turned],
      async (checkpoint) => {
        await assertMade(checkpoint, 'm.weight', [5, 7], times(a, b));
        const right = Float64Array.from({ length: 14 }, (_, at) => values(turned)[(at % 7) * 2 + Math.floor(at / 7)]!);
        await assertMade(checkpoint, 'e.weight', [5, 7], naiveProduct(values(table), right, 5, 7, 2));
        assert.deepEqual(checkpoint.problems, []);
      },
      { metadata: { eigenscope: JSON.stringify(notes) } },
    );
  });

  const refused: Readonly<Record<string, [FixtureTensor[], RegExp]>> = {
    'half a pair': [[random('m.ALinear.weight', [5, 2], 1)], /m\.ALinear\.weight: has no BLinear beside it/],
    'shapes without a product': [
      [random('m.ALinear.weight', [5, 2], 1), random('m.BLinear.weight', [3, 7], 1)],
      /ALinear \[5, 2\] and BLinear \[3, 7\] have no product/,
    ],
    'rank 0': [
      [floats('m.ALinear.weight', [5, 0], []), floats('m.BLinear.weight', [0, 7], [])],
      /ALinear \[5, 0\] and BLinear \[0, 7\] have no product/,
    ],
    'a product that is there': [
      [random('m.ALinear.weight', [5, 2], 1), random('m.BLinear.weight', [2, 7], 1), random('m.weight', [5, 7], 1)],
      /stands beside a tensor m\.weight/,
    ],
    'factors of integers': [
      [
        { name: 'm.ALinear.weight', dtype: 'I32', shape: [5, 2], bytes: new Uint8Array(40) },
        random('m.BLinear.weight', [2, 7], 1),
      ],
      /not both floating-point/,
    ],
    'α that is NaN': [
      [random('x.lora_up.weight', [5, 2], 1), random('x.lora_down.weight', [2, 7], 1), scalar('x.alpha', NaN)],
      /x\.alpha is NaN: the scale of up·down is unknown/,
    ],
    'α that is several numbers': [
      [random('x.lora_up.weight', [5, 2], 1), random('x.lora_down.weight', [2, 7], 1), floats('x.alpha', [2], [1, 2])],
      /x\.alpha is no number/,
    ],
    'a core between the two': [
      [
        random('x.lora_up.weight', [5, 2, 1, 1], 1),
        random('x.lora_down.weight', [2, 7, 1, 1], 1),
        random('x.lora_mid.weight', [2, 2, 3, 3], 1),
      ],
      /lora_mid/,
    ],
    DoRA: [
      [
        random('x.lora_up.weight', [5, 2], 1),
        random('x.lora_down.weight', [2, 7], 1),
        floats('x.dora_scale', [5], [1, 1, 1, 1, 1]),
      ],
      /DoRA/,
    ],
    'a basis that does not fit': [
      [random('layers.0.q_proj.weight', [5, 3], 1), random('q_basis.0.weight', [2, 7], 1)],
      /has the shape \[5, 3\], but its basis is \[2, 7\]/,
    ],
  };
  for (const [what, [tensors, message]] of Object.entries(refused)) {
    it(`stay as they are with a problem: ${what}`, async () => {
      await opened(tensors, (checkpoint) => {
        assert.deepEqual(
          listed(checkpoint),
          tensors.map(({ name }) => name),
        );
        assert.equal(checkpoint.problems.length, 1);
        assert.match(checkpoint.problems[0]!.message, message);
        assert.ok(checkpoint.tensors.every(({ partOf }) => partOf === undefined));
      });
    });
  }

  it('are no factors by a likeness of names alone', async () => {
    const tensors = [
      random('W.A', [5, 2], 1),
      random('W.B', [2, 7], 2),
      random('self_attn.q_u_proj.weight', [5, 2], 1),
      random('x.alpha', [3], 1),
      random('mlp.up_proj.weight', [4, 4], 1),
    ];
    await opened(tensors, (checkpoint) => {
      assert.equal(checkpoint.tensors.length, tensors.length);
      assert.deepEqual(checkpoint.problems, []);
    });
  });

  it('say what a note names that is not there, and nothing of notes of others', async () => {
    const note = { layer: 'm.weight', weight: { product: ['m.1.weight', 'm.0.weight'] } };
    const one = [random('m.1.weight', [5, 2], 1)];
    await opened(one, ({ problems }) => assert.match(problems[0]!.message, /m\.0\.weight is not there/), {
      metadata: { eigenscope: JSON.stringify(note) },
    });
    for (const text of ['{', '[]', '7', '{"layers":[1,{"layer":3,"weight":{}}]}', '{"weight":{"product":[1,2]}}']) {
      await opened(one, ({ problems }) => assert.deepEqual(problems, []), { metadata: { eigenscope: text } });
    }
  });
});
