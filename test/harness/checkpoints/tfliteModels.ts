/** TensorFlow Lite models that tests make, and what is read from them. */
import assert from 'node:assert/strict';
import type { Checkpoint, TensorInfo } from '../../../extension/checkpoint/checkpoint';
import { tfliteFormat } from '../../../extension/checkpoint/tflite/tflite';
import { formatFolder } from './formatFolder';
import { tfliteFile, type WrittenModel, type WrittenTensor } from './tfliteWriter';

export const ramp = (count: number, first = 0): number[] => Array.from({ length: count }, (_, i) => first + i);

/** For one `describe`: its models lie in a folder of its own. */
export function tfliteModels() {
  const { open, write } = formatFolder(tfliteFormat, 'model.tflite');
  let files = 0;

  const opened = (model: WrittenModel): Promise<Checkpoint> => open(tfliteFile(model), `model${files++}.tflite`);
  const ofTensors = (...tensors: WrittenTensor[]): Promise<Checkpoint> => opened({ subgraphs: [{ tensors }] });

  const find = ({ tensors }: Checkpoint, name: string): TensorInfo => tensors.find((tensor) => tensor.name === name)!;

  async function floats(
    checkpoint: Checkpoint,
    name: string,
    rows?: { start: number; end: number },
  ): Promise<number[]> {
    const tensor = find(checkpoint, name);
    assert.equal(tensor.dtype, 'F32');
    return [...new Float32Array((await checkpoint.read(tensor, rows)).slice().buffer)];
  }

  /** The tensor's numbers are the expected ones, as a whole and row by row. */
  async function holds(checkpoint: Checkpoint, name: string, expected: readonly number[]): Promise<void> {
    const values = expected.map(Math.fround);
    assert.deepEqual(await floats(checkpoint, name), values);
    const rows = find(checkpoint, name).shape[0]!;
    const inRows: number[] = [];
    for (let row = 0; row < rows; row++) inRows.push(...(await floats(checkpoint, name, { start: row, end: row + 1 })));
    assert.deepEqual(inRows, values);
  }

  return { opened, ofTensors, find, floats, holds, write };
}
