/** The group methods against their definitions, on inputs that are at hand: C = XXᵀ of a made X. */
import assert from 'node:assert/strict';
import { nystrom, ridgeLeverage, RIDGE } from '../../../../extension/compression/groups/nystrom';
import { keptDimensions, type QueryKey } from '../../../../extension/compression/groups/queryKey';
import { reduceValueOutput } from '../../../../extension/compression/groups/valueOutput';
import { narrow } from '../../../../extension/compression/narrow';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { mulberry32 } from '../../../../extension/spectral/seededRandom';

const kernels = loadKernels();
const tools = { kernels, poll: () => undefined };

function random(rows: number, columns: number, seed: number): Float64Array {
  const next = mulberry32(seed);
  return Float64Array.from({ length: rows * columns }, () => next() + next() - 1);
}

function product(a: Float64Array, b: Float64Array, m: number, n: number, k: number): Float64Array {
  return kernels.multiply(a, b, m, n, k, false, false);
}

/** XXᵀ of X, n × tokens. */
function gramOf(x: Float64Array, n: number): Float64Array {
  return kernels.gram(x, n, x.length / n, 'rows');
}

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

const toBF16 = (values: Float64Array): Float64Array => narrow(values, 'BF16').values;

/** A⁻¹ by Gauss and Jordan, with pivots. */
function inverse(a: Float64Array, n: number): Float64Array {
  const rows = Array.from({ length: n }, (_, i) => [
    ...a.subarray(i * n, (i + 1) * n),
    ...Array.from({ length: n }, (__, j) => (i === j ? 1 : 0)),
  ]);
  for (let i = 0; i < n; i++) {
    const best = rows.slice(i).reduce((most, row) => (Math.abs(row[i]!) > Math.abs(most[i]!) ? row : most));
    rows.splice(rows.indexOf(best), 1);
    rows.splice(i, 0, best);
    const pivot = best[i]!;
    for (let c = 0; c < 2 * n; c++) best[c] = best[c]! / pivot;
    for (const row of rows) {
      if (row === best) continue;
      const factor = row[i]!;
      for (let c = 0; c < 2 * n; c++) row[c] = row[c]! - factor * best[c]!;
    }
  }
  return Float64Array.from(rows.flatMap((row) => row.slice(n)));
}

describe('group method nystrom', () => {
  const [outputs, n, tokens] = [5, 8, 40];
  const w = random(outputs, n, 1);
  const x = random(n, tokens, 2);
  const down = { w, outputs, inputs: n, layer: 'mlp.down_proj.weight' };

  it('scores channels by their ridge leverage', () => {
    const gram = gramOf(x, n);
    const mean = Array.from({ length: n }, (_, i) => gram[i * n + i]!).reduce((sum, value) => sum + value, 0) / n;
    const raised = gram.slice();
    for (let i = 0; i < n; i++) raised[i * n + i]! += RIDGE * mean;
    const both = product(gram, inverse(raised, n), n, n, n);
    const scores = ridgeLeverage(gram, n, 'down', tools);
    for (let i = 0; i < n; i++) assert.ok(Math.abs(scores[i]! - both[i * n + i]!) < 1e-10);
  });

  it('takes up what is lost as well as the kept channels can, and reports the error on the data', () => {
    const gram = gramOf(x, n);
    const { kept, down: reduced, output_error } = nystrom(down, { gram }, 5, tools);
    assert.equal(kept.length, 5);
    const keptInputs = Float64Array.from(
      { length: 5 * tokens },
      (_, at) => x[kept[Math.floor(at / tokens)]! * tokens + (at % tokens)]!,
    );
    const exact = product(w, x, outputs, tokens, n);
    const rest = product(reduced, keptInputs, outputs, tokens, 5).map((value, at) => exact[at]! - value);
    assert.ok(Math.abs(norm(rest) / norm(exact) - output_error) < 1e-12);
    // Least squares: what is left is orthogonal to the kept inputs.
    const left = kernels.multiply(rest, keptInputs, outputs, 5, tokens, false, true);
    assert.ok(norm(left) < 1e-10, `${norm(left)}`);
  });

  it('loses nothing if the others are sums of the kept ones, or with all of them', () => {
    const few = product(random(n, 3, 3), random(3, tokens, 4), n, tokens, 3);
    assert.ok(nystrom(down, { gram: gramOf(few, n) }, 3, tools).output_error < 1e-6);
    const all = nystrom(down, { gram: gramOf(x, n) }, n, tools);
    assert.ok(all.output_error < 1e-12);
    assert.ok(norm(all.down.map((value, at) => value - w[at]!)) < 1e-12);
  });

  it('refuses to keep no channel, and needs the Gram matrix', () => {
    assert.throws(() => nystrom(down, { gram: gramOf(x, n) }, 0, tools), /0 of 8 channels cannot stay/);
    assert.throws(() => nystrom(down, {}, 2, tools), /mlp\.down_proj\.weight: .*input_gram/);
  });
});

describe('group method vo', () => {
  const sizes = { heads: 4, keyValueHeads: 2, headSize: 3 };
  const [inputs, outputs, tokens] = [10, 7, 50];
  const v = random(6, inputs, 5);
  const o = random(outputs, 12, 6);
  const vBias = random(6, 1, 7);
  const x = random(inputs, tokens, 8);
  const block = { layer: 'v_proj.weight', v, o, vBias, inputs, outputs, sizes };

  /** o·v·X of every query head, below one another. */
  function outputsOf(value: Float64Array, output: Float64Array, size: number): Float64Array[] {
    return [0, 1, 2, 3].map((query) => {
      const head = Math.floor(query / 2);
      const own = product(value.subarray(head * size * inputs, (head + 1) * size * inputs), x, size, tokens, inputs);
      const part = Float64Array.from(
        { length: outputs * size },
        (_, at) => output[Math.floor(at / size) * 4 * size + query * size + (at % size)]!,
      );
      return product(part, own, outputs, tokens, size);
    });
  }

  for (const rank of [1, 2, 3]) {
    it(`reports the error of ${rank} dimensions on the data`, () => {
      const reduced = reduceValueOutput(block, { gram: gramOf(x, inputs) }, rank, tools);
      const before = outputsOf(v, o, 3);
      const after = outputsOf(reduced.v, reduced.o, rank);
      const squares = (parts: Float64Array[]): number => parts.reduce((sum, part) => sum + norm(part) ** 2, 0);
      const lost = squares(before.map((part, i) => part.map((value, at) => value - after[i]![at]!)));
      assert.ok(Math.abs(Math.sqrt(lost / squares(before)) - reduced.output_error) < 1e-10);
      if (rank === 3) assert.ok(reduced.output_error < 1e-12);
    });
  }

  it('reports the error of what is stored, also where rounding is all of it', () => {
    for (const rank of [2, 3]) {
      const reduced = reduceValueOutput(block, { gram: gramOf(x, inputs) }, rank, tools, toBF16);
      assert.deepEqual(reduced.v, toBF16(reduced.v));
      assert.deepEqual(reduced.o, toBF16(reduced.o));
      assert.deepEqual(reduced.vBias, toBF16(reduced.vBias!));
      const before = outputsOf(v, o, 3);
      const after = outputsOf(reduced.v, reduced.o, rank);
      const squares = (parts: Float64Array[]): number => parts.reduce((sum, part) => sum + norm(part) ** 2, 0);
      const lost = squares(before.map((part, i) => part.map((value, at) => value - after[i]![at]!)));
      const error = Math.sqrt(lost / squares(before));
      assert.ok(error > 1e-4 && Math.abs(error - reduced.output_error) < 1e-9 * error, `${error}`);
    }
  });

  it('is as good as any rank can be: the singular values of the outputs of a head are what is lost', () => {
    const reduced = reduceValueOutput(block, { gram: gramOf(x, inputs) }, 1, tools);
    let lost = 0;
    let whole = 0;
    const before = outputsOf(v, o, 3);
    for (const head of [0, 1]) {
      const stacked = Float64Array.from([...before[2 * head]!, ...before[2 * head + 1]!]);
      const gram = kernels.gram(stacked, 2 * outputs, tokens, 'rows');
      // λ₁ by the power method; what is left is the trace without it.
      let y: Float64Array = Float64Array.from({ length: 2 * outputs }, (_, i) => 1 + i);
      let value = 0;
      for (let step = 0; step < 3000; step++) {
        y = product(gram, y, 2 * outputs, 1, 2 * outputs);
        value = norm(y);
        y = y.map((each) => each / value);
      }
      const trace = norm(stacked) ** 2;
      whole += trace;
      lost += trace - value;
    }
    assert.ok(Math.abs(Math.sqrt(lost / whole) - reduced.output_error) < 1e-9);
  });

  it('carries the bias of v through at full size', () => {
    const { v: newV, vBias: newBias, o: newO } = reduceValueOutput(block, { gram: gramOf(x, inputs) }, 3, tools);
    assert.equal(newV.length, v.length);
    for (const query of [0, 1, 2, 3]) {
      const head = Math.floor(query / 2);
      for (let row = 0; row < outputs; row++) {
        let [before, after] = [0, 0];
        for (let d = 0; d < 3; d++) {
          before += o[row * 12 + query * 3 + d]! * vBias[head * 3 + d]!;
          after += newO[row * 12 + query * 3 + d]! * newBias![head * 3 + d]!;
        }
        assert.ok(Math.abs(before - after) < 1e-10);
      }
    }
  });
});

describe('group method qk', () => {
  const sizes = { heads: 4, keyValueHeads: 2, headSize: 4 };
  const [inputs, tokens] = [9, 60];
  const x = random(inputs, tokens, 9);
  const gram = gramOf(x, inputs);
  const base: QueryKey = {
    layer: 'q_proj.weight',
    q: random(16, inputs, 10),
    k: random(8, inputs, 11),
    inputs,
    sizes,
    rotation: 'none',
    rotated: 4,
  };
  const lengths = (w: Float64Array): number[] => {
    const outputs = product(w, x, w.length / inputs, tokens, inputs);
    return Array.from({ length: w.length / inputs }, (_, row) =>
      norm(outputs.subarray(row * tokens, (row + 1) * tokens)),
    );
  };

  it('keeps the dimensions whose queries and keys are longest on the data', () => {
    const [q, k] = [lengths(base.q), lengths(base.k)];
    for (const [head, kept] of keptDimensions(base, { gram }, 2, tools).kept.entries()) {
      const scores = [0, 1, 2, 3].map((d) => (q[8 * head + d]! + q[8 * head + 4 + d]!) * k[4 * head + d]!);
      const expected = [0, 1, 2, 3].sort((a, b) => scores[b]! - scores[a]!).slice(0, 2);
      assert.deepEqual([...kept], expected.sort());
    }
  });

  for (const [what, rounded, rank] of [
    ['', (values: Float64Array) => values, 3],
    [' of rounded weights', toBF16, 3],
    [' by rounding alone', toBF16, 4],
  ] as const) {
    it(`reports what the scores of the tokens lose${what}`, () => {
      const { kept, score_error } = keptDimensions(base, { gram }, rank, tools, rounded);
      const outputs = ({ q, k }: Pick<QueryKey, 'q' | 'k'>): Float64Array[] => [
        product(q, x, 16, tokens, inputs),
        product(k, x, 8, tokens, inputs),
      ];
      const [q, k] = outputs(base) as [Float64Array, Float64Array];
      const [storedQ, storedK] = outputs({ q: rounded(base.q), k: rounded(base.k) }) as [Float64Array, Float64Array];
      let lost = 0;
      let whole = 0;
      for (let query = 0; query < 4; query++) {
        const head = Math.floor(query / 2);
        for (let a = 0; a < tokens; a++) {
          for (let b = 0; b < tokens; b++) {
            let [score, stored] = [0, 0];
            for (let d = 0; d < 4; d++) {
              const [atQuery, atKey] = [(4 * query + d) * tokens + a, (4 * head + d) * tokens + b];
              score += q[atQuery]! * k[atKey]!;
              if (kept[head]!.includes(d)) stored += storedQ[atQuery]! * storedK[atKey]!;
            }
            whole += score ** 2;
            lost += (score - stored) ** 2;
          }
        }
      }
      const error = Math.sqrt(lost / whole);
      assert.ok(error > 1e-4 && Math.abs(error - score_error) < 1e-9 * error, `${error} ${score_error}`);
    });
  }

  for (const [rotation, pairs] of [
    [
      'halves',
      [
        [0, 2],
        [1, 3],
      ],
    ],
    [
      'neighbours',
      [
        [0, 1],
        [2, 3],
      ],
    ],
  ] as const) {
    it(`keeps pairs that turn together (${rotation})`, () => {
      const [q, k] = [lengths(base.q), lengths(base.k)];
      for (const [head, kept] of keptDimensions({ ...base, rotation }, { gram }, 3, tools).kept.entries()) {
        const scores = pairs.map(([a, b]) =>
          [2 * head, 2 * head + 1]
            .map(
              (query) =>
                Math.hypot(q[4 * query + a]!, q[4 * query + b]!) * Math.hypot(k[4 * head + a]!, k[4 * head + b]!),
            )
            .reduce((sum, score) => sum + score, 0),
        );
        assert.deepEqual([...kept], [...(scores[0]! > scores[1]! ? pairs[0] : pairs[1])]);
      }
    });
  }

  it('keeps all of them at full size, also those that are not turned', () => {
    const { kept, score_error } = keptDimensions({ ...base, rotation: 'halves', rotated: 2 }, { gram }, 4, tools);
    assert.equal(score_error, 0);
    assert.deepEqual(
      kept.map((dimensions) => [...dimensions]),
      [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
      ],
    );
  });
});
