/** Layers whose singular values fall by twelve powers of ten, through the pipeline and a real worker. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Checkpoint } from '../../extension/checkpoint/checkpoint';
import { openModel } from '../../extension/checkpoint/openModel';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import { analyseLayer } from '../../extension/engine/layer/layerPipeline';
import { MemoryBudget } from '../../extension/engine/resources/memoryBudget';
import type { LayerOutcome } from '../../extension/engine/worker/layerRecords';
import { WorkerPool } from '../../extension/engine/worker/workerPool';
import { createMatrixProducts } from '../../extension/linalg/products/matrixProducts';
import type { MatrixProducts } from '../../extension/linalg/products/productTypes';
import { layersOf } from '../../extension/spectral/matrices';
import { gradedValues, policyErrors, withSingularValues } from '../harness/numbers/gradedMatrices';
import { safetensorsHeader } from '../harness/checkpoints/madeCheckpoints';
import { repositoryRoot } from '../harness/shared';

const POLICY = 1e-6;

/** One that a worker does alone, and one that is reduced in two stages. */
const SIDES = { small: 200, large: 450 } as const;

describe('layers with σ₁/σ_M = 1e12', () => {
  let folder: string;
  let pool: WorkerPool;
  let checkpoint: Checkpoint;
  let products: MatrixProducts;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-graded-'));
    products = await createMatrixProducts();
    pool = new WorkerPool(1, path.join(repositoryRoot, 'dist', 'worker.js'));
    const tensors = Object.entries(SIDES).map(([name, side]) => ({ name, shape: [side, side] }));
    const matrices = Object.values(SIDES).map((side) => withSingularValues(gradedValues(side, 12), side, side));
    const { header } = safetensorsHeader(tensors, 'F64', 8);
    const file = path.join(folder, 'model.safetensors');
    writeFileSync(file, Buffer.concat([header, ...matrices.map(({ buffer }) => Buffer.from(buffer))]));
    checkpoint = await openModel(file);
  });
  after(async () => {
    await checkpoint.close();
    await products.dispose();
    await pool.terminate();
    rmSync(folder, { recursive: true, force: true });
  });

  async function analyse(name: string, memory: number, randomise = false): Promise<LayerOutcome> {
    const tensor = checkpoint.tensors.find((each) => each.name === name)!;
    const context = {
      checkpoint,
      pool,
      products: () => Promise.resolve(products),
      devices: { forOrder: () => Promise.resolve(undefined), lost: () => Promise.resolve() },
      settings: { farms: { ...DEFAULT_FARMS, enabled: false }, ...(randomise && { randomise }) },
      memory: new MemoryBudget(memory),
      signal: new AbortController().signal,
      onProgress: () => undefined,
    };
    return analyseLayer(context, tensor, layersOf(tensor).layers[0]);
  }

  for (const [name, side] of Object.entries(SIDES)) {
    for (const randomise of [false, true]) {
      it(`are within the accuracy policy: ${name}${randomise ? ', with the randomisation test' : ''}`, async () => {
        const { eigenvalues, rankEigenvalues, result } = await analyse(name, 1 << 30, randomise);
        const { upperHalf, all } = policyErrors(eigenvalues, gradedValues(side, 12));
        assert.ok(upperHalf <= POLICY, `upper half off by ${upperHalf}`);
        assert.ok(all <= POLICY, `off by ${all} of the largest`);
        assert.deepEqual(rankEigenvalues, eigenvalues);
        assert.equal(result.precisionNote, undefined);
      });
    }
  }

  it('say which eigenvalues are uncertain where there is no memory to hold the matrix', async () => {
    const { eigenvalues, result } = await analyse('large', 10e6);
    const [, bound] = /eigenvalues below (\S+) may be off by more than 1e-6/.exec(result.precisionNote!)!;
    const expected = gradedValues(SIDES.large, 12)
      .map((value) => value * value)
      .sort();
    const certain = expected.findIndex((value) => value > 1.1 * Number(bound));
    assert.ok(certain > SIDES.large / 2 && certain < SIDES.large - 50, `${certain} of ${SIDES.large} are uncertain`);
    for (let i = certain; i < SIDES.large; i++) assert.ok(Math.abs(eigenvalues[i]! / expected[i]! - 1) <= POLICY);
  });
});
