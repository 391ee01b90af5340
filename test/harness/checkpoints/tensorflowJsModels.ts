/** TensorFlow.js models that tests make: a manifest of weights, and their bytes cut into files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import type { FileReader } from '../../../extension/checkpoint/files/fileReader';
import { FileSet } from '../../../extension/checkpoint/files/fileSet';
import { tensorflowJsFormat } from '../../../extension/checkpoint/tensorflowJs/tensorflowJs';
import { temporaryFolder } from '../temporaryFolder';

export interface Weight {
  name: string;
  dtype: string;
  shape: unknown;
  bytes: Uint8Array;
  quantization?: unknown;
}

export const MIB = 1024 * 1024;

export function bytesOf(array: { buffer: ArrayBuffer }): Uint8Array {
  return new Uint8Array(array.buffer);
}

export function floats(name: string, count: number, first = 0): Weight {
  const values = Float32Array.from({ length: count }, (_, i) => first + i + 0.5);
  return { name, dtype: 'float32', shape: [count], bytes: bytesOf(values) };
}

/** For one `describe`: its models lie in a folder of its own. */
export function tensorflowJsModels() {
  const root = temporaryFolder();
  let count = 0;

  /** A model of one group, its bytes cut into files of `shardBytes`. @returns the path of model.json */
  function made(weights: readonly Weight[], shardBytes = 10, top: Record<string, unknown> = {}): string {
    const folder = path.join(root, `model${count++}`);
    mkdirSync(folder);
    const stream = Buffer.concat(weights.map(({ bytes }) => bytes));
    const shards = Math.max(1, Math.ceil(stream.length / shardBytes));
    const paths = Array.from({ length: shards }, (_, i) => `group1-shard${i + 1}of${shards}.bin`);
    paths.forEach((name, i) =>
      writeFileSync(path.join(folder, name), stream.subarray(i * shardBytes, (i + 1) * shardBytes)),
    );
    const entries = weights.map(({ name, dtype, shape, quantization }) => ({ name, dtype, shape, quantization }));
    const file = path.join(folder, 'model.json');
    writeFileSync(
      file,
      JSON.stringify({
        format: 'graph-model',
        modelTopology: { node: [] },
        ...top,
        weightsManifest: [{ paths, weights: entries }],
      }),
    );
    return file;
  }

  async function opened<T>(file: string, check: (checkpoint: Checkpoint) => T | Promise<T>): Promise<T> {
    const checkpoint = await tensorflowJsFormat.open(file);
    try {
      return await check(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  /** How often files are used while `task` runs. */
  async function usesOfFiles(task: () => Promise<void>): Promise<number> {
    const use = Reflect.get<FileSet, 'use'>(FileSet.prototype, 'use');
    let uses = 0;
    FileSet.prototype.use = function <T>(this: FileSet, file: string, read: (reader: FileReader) => Promise<T>) {
      uses++;
      return (Reflect.apply as (...call: unknown[]) => Promise<T>)(use, this, [file, read]);
    };
    try {
      await task();
    } finally {
      FileSet.prototype.use = use;
    }
    return uses;
  }

  const shard = (model: string, number: number, of: number): string =>
    path.join(path.dirname(model), `group1-shard${number}of${of}.bin`);
  const names = ({ tensors }: Checkpoint): string[] => tensors.map(({ name }) => name);
  const problems = (checkpoint: Checkpoint): string[] =>
    checkpoint.problems.map(({ code, tensor }) => (tensor ? `${code} ${tensor}` : code));

  return { root, made, opened, usesOfFiles, shard, names, problems };
}
