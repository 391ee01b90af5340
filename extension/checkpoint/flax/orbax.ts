/**
 * Orbax saves JAX models as folders whose arrays are in a database; a run's folder holds one of them for each step that was
 * kept. Recognised by the names of their files.
 *
 * @see https://orbax.readthedocs.io/en/latest/guides/checkpoint/checkpoint_format.html
 */
import path from 'node:path';
import { CheckpointError } from '../checkpointError';

const NAMES: ReadonlySet<string> = new Set(['manifest.ocdbt', '_METADATA', '_CHECKPOINT_METADATA']);

/** Why an Orbax checkpoint, given by its folder or by one of its files, is not opened. */
export function orbaxRefusal(file: string): CheckpointError {
  const message = 'is an Orbax checkpoint, whose arrays are in a database (OCDBT or Zarr)';
  const remedy = 'restore it with Orbax and save its tree with flax.serialization.to_bytes, or as safetensors';
  return new CheckpointError('unsupported', message, { file, remedy });
}

export function isOrbax(file: string): boolean {
  return NAMES.has(path.basename(file));
}
