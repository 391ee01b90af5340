/** A model's folder on disk: one safetensors file and what lies beside it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { layOut } from '../../../../extension/compression/safetensorsLayout';
import { narrow } from '../../../../extension/compression/narrow';
import { randomMatrix } from '../../../harness/numbers/denseReference';

export interface ModelFixture {
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  readonly config?: Readonly<Record<string, unknown>> | string;
  readonly files?: Readonly<Record<string, string>>;
}

/** Random numbers in float32, reproducible. @returns the folder */
export function writeModel(folder: string, { tensors, config, files = {} }: ModelFixture): string {
  mkdirSync(folder, { recursive: true });
  const entries = Object.entries(tensors).map(([name, shape], index) => {
    const count = shape.reduce((a, b) => a * b, 1);
    return {
      name,
      dtype: 'F32' as const,
      shape: [...shape],
      bytes: narrow(randomMatrix(1, count, index + 1), 'F32').bytes,
    };
  });
  const { header, order } = layOut(entries, { format: 'pt' });
  writeFileSync(path.join(folder, 'model.safetensors'), Buffer.concat([header, ...order.map(({ bytes }) => bytes)]));
  if (config !== undefined) {
    writeFileSync(
      path.join(folder, 'config.json'),
      typeof config === 'string' ? config : JSON.stringify(config, undefined, 2),
    );
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return folder;
}
