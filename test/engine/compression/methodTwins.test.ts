/** Methods beside numpy's twins of their papers' definitions (`methodTwinsPeer.py`), on inputs that are correlated. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { compressMatrix } from '../../../extension/compression/compressMatrix';
import { leverageScores, lewisWeights } from '../../../extension/compression/decomposition/leverage';
import { nystrom } from '../../../extension/compression/groups/nystrom';
import { keptDimensions } from '../../../extension/compression/groups/queryKey';
import { reduceValueOutput } from '../../../extension/compression/groups/valueOutput';
import { truncatedSvd } from '../../../extension/compression/truncatedSvd';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import { transpose } from '../../../extension/linalg/kernels/transpose';
import { naiveProduct, randomMatrix } from '../../harness/numbers/denseReference';
import { pythonWith } from '../../harness/python';
import { repositoryRoot } from '../../harness/shared';
import { temporaryFolder } from '../../harness/temporaryFolder';

const kernels = loadKernels();
const tools = { kernels, poll: () => undefined };
const PEER = path.join(repositoryRoot, 'test', 'engine', 'compression', 'methodTwinsPeer.py');

/** C = XXᵀ of inputs that go together and have very different sizes. */
function correlatedGram(n: number, tokens: number, seed: number): Float64Array {
  const mixed = naiveProduct(randomMatrix(n, n, seed), randomMatrix(n, tokens, seed + 1), n, tokens, n);
  const x = mixed.map((value, at) => value * 10 ** (-((Math.floor(at / tokens) * 7) % n) / n));
  return kernels.gram(x, n, tokens, 'rows');
}

const differs = (x: ArrayLike<number>, y: ArrayLike<number>): number => {
  assert.equal(x.length, y.length);
  let [most, scale] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    most = Math.max(most, Math.abs(x[i]! - y[i]!));
    scale = Math.max(scale, Math.abs(y[i]!));
  }
  return most / scale;
};

describe('methods beside numpy twins', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const cases: object[] = [];
  const checks: ((theirs: Record<string, unknown>) => void)[] = [];
  let files = 0;
  const saved = (values: Float64Array): string => {
    const name = `${files++}`;
    writeFileSync(path.join(folder, name), values);
    return name;
  };

  for (const [outputs, inputs, tokens, rank] of [
    [20, 32, 200, 6],
    [40, 24, 100, 11],
    // Fewer tokens than inputs: there is no Cholesky factor without a ridge.
    [24, 48, 30, 8],
  ] as const) {
    const [w, gram] = [randomMatrix(outputs, inputs, rank), correlatedGram(inputs, tokens, rank)];
    const size = { outputs, inputs, rank };
    const layer = { layer: 'fc', w, outputs, inputs, storedBytes: 8 * w.length };
    cases.push({ method: 'svd-llm', ...size, w: saved(w), gram: saved(gram) });
    checks.push(({ output_error }) => {
      const ours = compressMatrix(layer, { method: 'svd-llm', rank }, { gram }, 'F64', tools).measured.output_error!;
      assert.ok(ours <= (output_error as number) + 1e-5, `svd-llm ${ours}, theirs ${output_error as number}`);
    });
    for (const scores of ['leverage', 'lewis'] as const) {
      const { parts, measured } = compressMatrix(layer, { method: 'cur', rank, scores, seed: 3 }, {}, 'F64', tools);
      const part = parts[0]!.part;
      assert.ok(part.kind === 'cur');
      const indices = { columns: [...part.columnIndices], rows: [...part.rowIndices] };
      cases.push({ method: 'cur', ...size, scores, w: saved(w), ...indices });
      checks.push(({ relative_error, core, columnScores, rowScores }) => {
        assert.ok(Math.abs(measured.relative_error - (relative_error as number)) < 1e-6, 'cur');
        assert.ok(differs(part.core, core as number[]) < 1e-6, 'cur core');
        const { left, right, singularValues } = truncatedSvd(w, outputs, inputs, rank, { kernels });
        const unit = (vectors: Float64Array, n: number): Float64Array =>
          vectors.map((value, at) => value / Math.sqrt(singularValues[Math.floor(at / n)]!));
        const score = (vectors: Float64Array): Float64Array =>
          scores === 'lewis' ? lewisWeights(vectors, rank, tools) : leverageScores(vectors, rank);
        assert.ok(differs(score(unit(right, inputs)), columnScores as number[]) < 1e-6, scores);
        assert.ok(differs(score(unit(transpose(left, outputs, rank), outputs)), rowScores as number[]) < 1e-6, scores);
      });
    }
    if (tokens < inputs) continue;
    const kept = nystrom({ w, outputs, inputs, layer: 'down' }, { gram }, rank, tools);
    cases.push({ method: 'nystrom', ...size, w: saved(w), gram: saved(gram) });
    checks.push((theirs) => {
      assert.deepEqual([...kept.kept], theirs['kept']);
      assert.ok(differs(kept.down, theirs['down'] as number[]) < 1e-6, 'nystrom');
      assert.ok(Math.abs(kept.output_error - (theirs['error'] as number)) < 1e-6, 'nystrom error');
    });
  }

  for (const [heads, keyValueHeads, rotation] of [
    [4, 4, 'none'],
    [6, 2, 'halves'],
  ] as const) {
    const [headSize, inputs, outputs, rank] = [8, 30, 22, 4];
    const sizes = { heads, keyValueHeads, headSize };
    const gram = correlatedGram(inputs, 150, 5);
    const [q, k] = [randomMatrix(heads * headSize, inputs, 1), randomMatrix(keyValueHeads * headSize, inputs, 2)];
    const [v, o] = [randomMatrix(keyValueHeads * headSize, inputs, 3), randomMatrix(outputs, heads * headSize, 4)];
    const shared = { ...sizes, inputs, outputs, rank, gram: saved(gram) };
    cases.push({ method: 'vo', ...shared, v: saved(v), o: saved(o) });
    checks.push((theirs) => {
      const found = reduceValueOutput({ layer: 'v', v, o, inputs, outputs, sizes }, { gram }, rank, tools);
      assert.ok(Math.abs(found.output_error - (theirs['error'] as number)) < 1e-6, 'vo error');
      const products = Array.from({ length: heads }, (_, head) => {
        const own = Float64Array.from({ length: outputs * rank }, (__, at) => {
          return found.o[Math.floor(at / rank) * heads * rank + head * rank + (at % rank)]!;
        });
        const group = Math.floor(head / (heads / keyValueHeads)) * rank * inputs;
        return naiveProduct(own, found.v.subarray(group, group + rank * inputs), outputs, inputs, rank);
      });
      assert.ok(
        differs(
          products.flatMap((each) => [...each]),
          theirs['products'] as number[],
        ) < 1e-6,
        'vo',
      );
    });
    cases.push({ method: 'qk', ...shared, rotation, q: saved(q), k: saved(k) });
    checks.push((theirs) => {
      const block = { layer: 'q', q, k, inputs, sizes, rotation, rotated: headSize };
      const found = keptDimensions(block, { gram }, rank, tools);
      assert.deepEqual(found.kept.map((each) => [...each]), theirs['kept']); // prettier-ignore
      assert.ok(Math.abs(found.score_error - (theirs['error'] as number)) < 1e-6, 'qk');
    });
  }

  it('svd-llm, cur, nystrom, vo and qk find what these find', () => {
    const python = pythonWith('numpy');
    if (python === undefined) {
      console.log('      No Python with numpy (EIGENSCOPE_PYTHON names one): not tried here.');
      return;
    }
    writeFileSync(path.join(folder, 'cases.json'), JSON.stringify(cases));
    const { status, stdout, stderr } = spawnSync(python, [PEER, folder], { encoding: 'utf8', maxBuffer: 2 ** 26 });
    assert.equal(status, 0, stderr);
    const theirs = JSON.parse(stdout) as Record<string, unknown>[];
    assert.equal(theirs.length, checks.length);
    checks.forEach((check, i) => check(theirs[i]!));
  });
});
