/** safetensors files written from the format's description, sound or wrong in any way a test needs. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { safetensorsFormat } from '../../../extension/checkpoint/safetensors/safetensors';
import { temporaryFolder } from '../temporaryFolder';

export interface FixtureTensor {
  name: string;
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/** An F32 tensor of 0.5, 1.5, 2.5, … plus `first`. */
export function ramp(name: string, shape: number[], first = 0): FixtureTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length: count }, (_, i) => first + i + 0.5);
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) };
}

/** A file of these tensors one after the other. */
export function safetensorsBytes(tensors: readonly FixtureTensor[], metadata?: Record<string, unknown>): Buffer {
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }): [string, unknown] => {
    at += bytes.length;
    return [name, { dtype, shape, data_offsets: [at - bytes.length, at] }];
  });
  const all = metadata ? [['__metadata__', metadata] as [string, unknown], ...entries] : entries;
  return rawSafetensors(JSON.stringify(Object.fromEntries(all)), Buffer.concat(tensors.map(({ bytes }) => bytes)));
}

/** A file of this header text and this data, whatever they are. */
export function rawSafetensors(
  header: string | Buffer,
  data: Uint8Array | number = 0,
  declaredLength?: bigint,
): Buffer {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(declaredLength ?? BigInt(json.length));
  return Buffer.concat([length, json, typeof data === 'number' ? Buffer.alloc(data, 7) : data]);
}

/** Writes shards and their index. @returns the index's path */
export function writeSharded(
  folder: string,
  shards: Readonly<Record<string, readonly FixtureTensor[]>>,
  changes: { weightMap?: Record<string, unknown>; omit?: readonly string[]; metadata?: unknown } = {},
): string {
  mkdirSync(folder, { recursive: true });
  const weightMap: Record<string, unknown> = {};
  for (const [file, tensors] of Object.entries(shards)) {
    if (!changes.omit?.includes(file))
      writeFileSync(path.join(folder, file), safetensorsBytes(tensors, { format: 'pt' }));
    for (const { name } of tensors) weightMap[name] = file;
  }
  const index = path.join(folder, 'model.safetensors.index.json');
  const content = {
    metadata: changes.metadata ?? { total_size: 1 },
    weight_map: { ...weightMap, ...changes.weightMap },
  };
  writeFileSync(index, JSON.stringify(content));
  return index;
}

/** A header entry of an F32 tensor, with whatever a test puts in. */
export function f32Entry(shape: unknown, begin: unknown, end: unknown): Record<string, unknown> {
  return { dtype: 'F32', shape, data_offsets: [begin, end] };
}

/** Files of one suite and what opening them gives. Call inside `describe`. */
export function safetensorsFiles() {
  const folder = temporaryFolder();
  let count = 0;

  function save(bytes: Uint8Array): string {
    const file = path.join(folder, `made${count++}.safetensors`);
    writeFileSync(file, bytes);
    return file;
  }

  async function opened<T>(
    bytes: Uint8Array,
    check: (checkpoint: Checkpoint, file: string) => T | Promise<T>,
  ): Promise<T> {
    const file = save(bytes);
    const checkpoint = await safetensorsFormat.open(file);
    try {
      return await check(checkpoint, file);
    } finally {
      await checkpoint.close();
    }
  }

  /** Names of what is shown (and can be read), and `code tensor` of what is not. */
  async function outcome(bytes: Uint8Array): Promise<{ shown: string[]; problems: string[] }> {
    return opened(bytes, async (checkpoint, file) => {
      for (const tensor of checkpoint.tensors) assert.equal((await checkpoint.read(tensor)).length, tensor.byteLength);
      for (const problem of checkpoint.problems) {
        assert.equal(problem.file, file);
        assert.ok(problem.message.includes(file) && problem.offset !== undefined, problem.message);
      }
      const problems = checkpoint.problems.map(({ code, tensor }) =>
        tensor === undefined ? code : `${code} ${tensor}`,
      );
      return { shown: checkpoint.tensors.map(({ name }) => name), problems };
    });
  }

  return { folder, save, opened, outcome };
}
