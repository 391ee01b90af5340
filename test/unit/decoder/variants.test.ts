/** Models with other weights in some modules: pairs, replaced weights; and what is said of the difference. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { evaluateDecoders, type Variant } from '../../../extension/decoder/evaluateDecoders';
import { toLastStates } from '../../../extension/decoder/measures/lastStates';
import { scoreTokens } from '../../../extension/decoder/measures/tokenScores';
import type { Decoder } from '../../../extension/decoder/openDecoder';
import { passBlocks } from '../../../extension/decoder/pass/blockPass';
import { replacing, type MatrixWeight, type WeightSource } from '../../../extension/decoder/weights/weightSource';
import { randomMatrix } from '../../harness/numbers/denseReference';
import { onnxruntimeExists } from '../../harness/onnxruntime';
import { expectedOf, GOLDEN, ourLogits, relativeDifference, withDecoder, withSessions } from './decoderModels';

const RANK = 3;

/** Every module that matches becomes a random pair, or the product of that very pair. */
function lowRank(source: WeightSource, matching: RegExp, kind: MatrixWeight['kind']): WeightSource {
  return replacing(source, ({ name }, original) => {
    if (!matching.test(name)) return undefined;
    return original().then(({ matrix: { outputs, inputs }, ...rest }) => {
      const left = Float32Array.from(randomMatrix(outputs, RANK, name.length), (x) => x / 2);
      const right = Float32Array.from(randomMatrix(RANK, inputs, name.length + 1), (x) => x / 2);
      if (kind === 'pair') return { ...rest, matrix: { kind, left, right, outputs, inputs, rank: RANK } };
      const w = new Float32Array(outputs * inputs);
      for (let i = 0; i < outputs; i++) {
        for (let j = 0; j < inputs; j++) {
          for (let k = 0; k < RANK; k++) w[i * inputs + j]! += left[i * RANK + k]! * right[k * inputs + j]!;
        }
      }
      return { ...rest, matrix: { kind, w, outputs, inputs } };
    });
  });
}

/** Of rows of logits, in plain float64. */
function logSoftmax(row: Float32Array): Float64Array {
  const largest = row.reduce((a, b) => Math.max(a, b));
  const sum = row.reduce((all, x) => all + Math.exp(x - largest), 0);
  return Float64Array.from(row, (x) => x - largest - Math.log(sum));
}

const argmax = (row: Float32Array): number => row.indexOf(row.reduce((a, b) => Math.max(a, b)));

describe('variants of a decoder', function () {
  this.timeout(120_000);
  if (!onnxruntimeExists) return;
  const open = <T>(name: string, work: (decoder: Decoder, folder: string) => Promise<T>): Promise<T> =>
    withDecoder(path.join(GOLDEN, name), (decoder) => work(decoder, path.join(GOLDEN, name)));

  for (const [name, modules] of [
    ['llama', /_proj$/],
    ['phi3', /_proj$/],
    ['gpt2', /c_(attn|proj|fc)$/],
    ['gpt_neox', /(dense|query_key_value|_to_\w+)$/],
    ['qwen2_moe', /_proj$/],
  ] as const) {
    it(`${name}: a pair of factors gives what their product gives`, () =>
      open(name, async (decoder, folder) => {
        const { windows, logits } = await expectedOf(folder);
        const [pair, dense] = [
          await ourLogits(decoder, windows, lowRank(decoder.weights, modules, 'pair')),
          await ourLogits(decoder, windows, lowRank(decoder.weights, modules, 'dense')),
        ];
        assert.ok(relativeDifference(pair, dense) <= 1e-5);
        assert.ok(relativeDifference(pair, logits) > 0.01, 'the weights were replaced');
      }));
  }

  it('scores: those of the whole logits, however they are cut', () =>
    open('gemma2', async (decoder, folder) => {
      const { description, weights } = decoder;
      const { windows, logits } = await expectedOf(folder);
      const other = lowRank(weights, /down_proj$/, 'pair');
      const theirs = await ourLogits(decoder, windows, other);
      const words = logits.length / windows.length / windows[0]!.length;
      const wanted = { nll: [] as number[], nllOther: [] as number[], kl: [] as number[], agrees: [] as number[] };
      for (const [index, window] of windows.entries()) {
        for (let token = 0; token + 1 < window.length; token++) {
          const at = (index * window.length + token) * words;
          const [a, b] = [logits.subarray(at, at + words), theirs.subarray(at, at + words)];
          const [p, q] = [logSoftmax(a), logSoftmax(b)];
          wanted.nll.push(-p[window[token + 1]!]!);
          wanted.nllOther.push(-q[window[token + 1]!]!);
          wanted.kl.push(p.reduce((sum, x, i) => sum + Math.exp(x) * (x - q[i]!), 0));
          wanted.agrees.push(Number(argmax(a) === argmax(b)));
        }
      }
      await withSessions(async (sessions) => {
        const scored = await Promise.all(
          [weights, other].map(async (source) => {
            const batches = await passBlocks(description, source, windows, { sessions });
            await toLastStates(description, source, batches, sessions);
            return { name: 'it', description, source, batches };
          }),
        );
        for (const limits of [
          undefined,
          { headBytes: 7 * 4 * 2 * 16, logitBytes: 5 * 4 * 7 },
          { headBytes: 1, logitBytes: 1 },
        ]) {
          const [first, second] = await scoreTokens(scored, windows, { sessions, ...(limits && { limits }) });
          const near = (ours: ArrayLike<number>, theirs: number[]): void =>
            assert.ok(relativeDifference(ours, theirs) < 1e-5, `${relativeDifference(ours, theirs)}`);
          near(first!.nll, wanted.nll);
          near(second!.nll, wanted.nllOther);
          near(second!.kl!, wanted.kl);
          assert.deepEqual([...second!.agrees!], wanted.agrees);
          assert.ok(wanted.agrees.includes(0) && wanted.agrees.includes(1));
        }
      });
    }));

  it('evaluation: a model beside itself has no divergence; perplexity is that of the kept logits', () =>
    open('opt', async ({ description, weights }, folder) => {
      const { windows, logits } = await expectedOf(folder);
      const variants: Variant[] = ['a', 'b'].map((name) => ({ name, description, source: weights }));
      const fractions: number[] = [];
      const report = await withSessions((sessions) =>
        evaluateDecoders(variants, windows, { sessions, progress: (fraction) => fractions.push(fraction) }),
      );
      const words = logits.length / windows.length / windows[0]!.length;
      const losses = windows.flatMap((window, index) =>
        Array.from(window.subarray(1), (id, token) => {
          const at = (index * window.length + token) * words;
          return -logSoftmax(logits.subarray(at, at + words))[id]!;
        }),
      );
      const mean = losses.reduce((a, b) => a + b) / losses.length;
      const [first, second] = report.models;
      assert.ok(Math.abs(first!.perplexity / Math.exp(mean) - 1) < 1e-5);
      assert.equal(report.tokens, losses.length);
      assert.equal(first!.kl, null);
      assert.deepEqual([second!.kl, second!.top1_agreement, second!.nll], [0, 1, first!.nll]);
      assert.deepEqual(
        fractions,
        fractions.toSorted((a, b) => a - b),
      );
      assert.equal(fractions.at(-1), 1);
    }));
});
