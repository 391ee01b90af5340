/** Statistics that the page tries before a run: refused as the terminal's plan and the run refuse them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { HeldStatistics } from '../../../extension/engine/document/heldStatistics';
import { OpenDocuments } from '../../../extension/engine/document/openDocuments';
import { triedStatistics } from '../../../extension/engine/requests/useStatistics';
import { MemoryBudget } from '../../../extension/engine/resources/memoryBudget';
import { WorkerPool } from '../../../extension/engine/worker/workerPool';
import type { GramUse } from '../../../extension/shared/compression/methodNeeds';
import { safetensorsBytes, type FixtureTensor } from '../../harness/checkpoints/safetensorsFixtures';
import { repositoryRoot } from '../../harness/shared';
import { floatTensor, writeSmallModel } from '../../harness/smallModels';
import { temporaryFolder } from '../../harness/temporaryFolder';

const WIDTH = 12;
const FAR = 'input_gram is far from positive semidefinite, so it is no Gram matrix; calibrate again';

function float64(name: string, shape: number[], of: (i: number) => number): FixtureTensor {
  const values = Float64Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => of(i));
  return { name, dtype: 'F64', shape, bytes: new Uint8Array(values.buffer) };
}

function gram(module: string, of: (i: number, j: number) => number): FixtureTensor {
  return float64(`${module}.input_gram`, [WIDTH, WIDTH], (at) => of(Math.floor(at / WIDTH), at % WIDTH));
}

describe('statistics that are tried before a run', () => {
  const folder = temporaryFolder();
  const documents = new OpenDocuments();
  const pool = new WorkerPool(1, path.join(repositoryRoot, 'dist', 'worker.js'));
  const products = (): Promise<never> => Promise.reject(new Error('not asked for'));
  const statistics = new HeldStatistics();
  const parts = { pool, memory: new MemoryBudget(2 ** 28), hardware: { products }, statistics };
  const modules = ['sound', 'indefinite', 'uncentred', 'asymmetric', 'damaged'];
  const model = writeSmallModel(
    path.join(folder, 'model'),
    modules.map((module, index) => floatTensor(`${module}.weight`, [WIDTH, WIDTH], index + 1)),
  );
  const file = path.join(folder, 'statistics.safetensors');

  before(() => {
    const identity = (i: number, j: number): number => (i === j ? 1 : 0);
    writeFileSync(
      file,
      safetensorsBytes([
        gram('sound', identity),
        gram('indefinite', (i, j) => (i === j ? 1 : -1)),
        gram('uncentred', identity),
        gram('asymmetric', (i, j) => (i < j ? 0.1 : 1)),
        gram('damaged', (i, j) => (i === 2 && j === 3 ? Infinity : identity(i, j))),
        // No element of n·μμᵀ is above the Gram matrix's diagonal, and its one eigenvalue is: 12 · 100 · 0.0099.
        ...['sound', 'uncentred'].flatMap((module) => [
          float64(`${module}.input_mean`, [WIDTH], () => (module === 'sound' ? 0.01 : Math.sqrt(0.0099))),
          float64(`${module}.tokens`, [1], () => 100),
        ]),
      ]),
    );
  });

  after(async () => {
    await documents.closeAll();
    await pool.terminate();
  });

  it('are refused for what they are used for, and for nothing else', async () => {
    const { signal } = new AbortController();
    const document = await documents.open(model, signal);
    const tried = (module: string, use: GramUse): Promise<string | null> =>
      triedStatistics(parts, document, { path: file, layer: `${module}.weight`, use }, signal);
    for (const use of ['read', 'factored', 'centred'] as const) assert.equal(await tried('sound', use), null);
    assert.deepEqual([await tried('indefinite', 'read'), await tried('indefinite', 'factored')], [null, FAR]);
    assert.deepEqual([await tried('uncentred', 'factored'), await tried('uncentred', 'centred')], [null, FAR]);
    for (const use of ['read', 'factored'] as const) {
      assert.match(
        (await tried('asymmetric', use))!,
        /asymmetric\.input_gram is not symmetric: 1 at row 1, column 0, but 0\.1/,
      );
      assert.match(
        (await tried('damaged', use))!,
        /damaged\.input_gram holds Infinity at row 3, column 2 or its mirror image/,
      );
    }
  });
});
