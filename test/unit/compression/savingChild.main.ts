/**
 * A save in a process of its own, for `saving.test.ts` to kill or to run out of space: arguments are the target, the
 * megabytes to write, a file that stands for the source, and (optional) the megabyte before which to stop and wait for
 * ever. Prints `writing FRACTION` after every band, then `saved`,
 * or `failed CODE MESSAGE`.
 */
import { saveCheckpointWith } from '../../../extension/compression/safetensorsWriter';
import { madeTensor, memoryCheckpoint } from './savingFixture';

const [target, megabytes, source, pauseBefore] = process.argv.slice(2);

async function main(): Promise<void> {
  const tensors = Array.from({ length: Number(megabytes) }, (_, i) => madeTensor(`t${i}`, 'F32', [512, 512], i));
  const made = memoryCheckpoint(tensors, { files: [source!] });
  const checkpoint: typeof made = {
    ...made,
    read: async (tensor, rows, signal) => {
      if (tensor.name === `t${pauseBefore ?? ''}`) await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
      return made.read(tensor, rows, signal);
    },
  };
  const saved = await saveCheckpointWith(checkpoint, new Map(), {
    target: target!,
    note: { made: 'by a test' },
    overwrite: true,
    onProgress: (fraction) => process.stdout.write(`writing ${fraction}\n`),
  });
  process.stdout.write(`saved ${saved.bytes}\n`);
}

main().catch((error: unknown) => {
  const { code, message } = error as Error & { code?: string };
  process.stdout.write(`failed ${code ?? 'unknown'} ${message}\n`);
  process.exitCode = 1;
});
