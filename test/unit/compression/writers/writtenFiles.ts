/** What a written safetensors file holds, by the format's description alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseSafetensors } from '../savingFixture';

type Parsed = ReturnType<typeof parseSafetensors>;
type Tensor = Parsed['tensors'] extends Map<string, infer T> ? T : never;

export function parsedFile(content: Uint8Array): Parsed {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-written-'));
  try {
    const file = path.join(folder, 'x.safetensors');
    writeFileSync(file, content);
    return parseSafetensors(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Elements in float32. */
export function numbersOf({ bytes }: Tensor): Float32Array {
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** A·B of a module's two matrices, row-major. */
export function productOf(tensors: Parsed['tensors'], module: string): number[] {
  const [a, b] = ['A', 'B'].map((side) => tensors.get(`${module}.${side}Linear.weight`)!);
  const [rows, rank] = a!.shape as [number, number];
  const cols = b!.shape[1]!;
  const [left, right] = [numbersOf(a!), numbersOf(b!)];
  return Array.from({ length: rows * cols }, (_, at) => {
    const [i, j] = [Math.floor(at / cols), at % cols];
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += left[i * rank + k]! * right[k * cols + j]!;
    return sum;
  });
}
