/** TensorFlow checkpoints that tests write and open. */
import path from 'node:path';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../extension/checkpoint/openModel';
import { temporaryFolder } from '../temporaryFolder';
import { bundle, ramp, TF, writeBundle, type Bundle, type BundleTensor, type SlicedTensor } from './tensorBundleWriter';

export const VALUE = '/.ATTRIBUTES/VARIABLE_VALUE';

export const kernel: BundleTensor = { name: 'conv/kernel', shape: [3, 3, 2, 4], bytes: ramp(72) };
export const bias: BundleTensor = { name: 'conv/bias', shape: [4], bytes: ramp(4, 100), shard: 1 };
export const step: BundleTensor = {
  name: 'global_step',
  shape: [],
  type: TF.INT64,
  bytes: new Uint8Array(BigInt64Array.of(-7n).buffer),
};

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** For one `describe`: its checkpoints are closed after it. */
export function tensorBundles() {
  const root = temporaryFolder();
  let count = 0;
  const opened: Checkpoint[] = [];
  after(() => Promise.all(opened.map((checkpoint) => checkpoint.close())));

  const write = (files: Bundle, name = 'model.ckpt-100'): string =>
    writeBundle(path.join(root, String(count++)), name, files);
  const openPath = async (file: string): Promise<Checkpoint> => {
    const checkpoint = await openModel(file);
    opened.push(checkpoint);
    return checkpoint;
  };
  const open = (
    tensors: readonly (BundleTensor | SlicedTensor)[],
    options?: Parameters<typeof bundle>[1],
  ): Promise<Checkpoint> => openPath(write(bundle(tensors, options)));

  return { root, write, openPath, open };
}
