/** ONNX files that a suite writes and opens; closed after each test. Call inside `describe`. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { onnxFormat } from '../../../extension/checkpoint/onnx/onnx';
import { graph, runnableModel, type Message } from './onnxWriter';
import { temporaryFolder } from '../temporaryFolder';

export function openedOnnx(): {
  folder: string;
  /** More to close. */
  opened: Checkpoint[];
  /** Writes `model.onnx` in the folder and opens it. */
  open: (bytes: Uint8Array) => Promise<Checkpoint>;
  /** The same with a model of one graph. */
  openGraph: (nodes: readonly Message[], initializers: readonly Message[]) => Promise<Checkpoint>;
} {
  const folder = temporaryFolder();
  const file = path.join(folder, 'model.onnx');
  const opened: Checkpoint[] = [];
  afterEach(async () => {
    for (const checkpoint of opened.splice(0)) await checkpoint.close();
  });
  const open = async (bytes: Uint8Array): Promise<Checkpoint> => {
    writeFileSync(file, bytes);
    const checkpoint = await onnxFormat.open(file);
    opened.push(checkpoint);
    return checkpoint;
  };
  const openGraph = (nodes: readonly Message[], initializers: readonly Message[]): Promise<Checkpoint> =>
    open(runnableModel(graph({ nodes, initializers })));
  return { folder, opened, open, openGraph };
}
