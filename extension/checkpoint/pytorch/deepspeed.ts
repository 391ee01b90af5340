/**
 * DeepSpeed's checkpoints: with ZeRO each rank's file holds a part of all parameters, flattened into one vector, which
 * DeepSpeed's own script puts together. Recognised by the names of the files.
 *
 * @see https://github.com/deepspeedai/DeepSpeed/blob/v0.16.0/deepspeed/utils/zero_to_fp32.py
 */
import path from 'node:path';
import { DEEPSPEED_MODEL, DEEPSPEED_PART, DEEPSPEED_SCRIPT } from '../../shared/names/deepspeedNames';
import { CheckpointError } from '../checkpointError';

const REMEDY = `put it together with DeepSpeed's script beside it ("python ${DEEPSPEED_SCRIPT} . pytorch_model.bin")`;

/** Why a folder of DeepSpeed's files is not opened. */
export function deepspeedRefusal(folder: string, names: readonly string[]): CheckpointError {
  const models = names.filter((name) => DEEPSPEED_MODEL.test(name));
  const message = "is a DeepSpeed checkpoint, whose parameters are split over its ranks' files";
  const whole = models.length === 1 && !names.some((name) => DEEPSPEED_PART.exec(name)?.[2] === 'model');
  const remedy = whole ? `${REMEDY}, or open ${models[0]}, which holds the weights as they were trained in` : REMEDY;
  return new CheckpointError('unsupported', message, { file: folder, remedy });
}

/** What a person must know of one rank's file, whose tensors are shown as they are; undefined for other files. */
export function deepspeedPart(file: string): CheckpointError | undefined {
  if (!DEEPSPEED_PART.test(path.basename(file))) return undefined;
  const message = "is one rank's part of a DeepSpeed checkpoint: its tensors are pieces of flattened parameters";
  return new CheckpointError('missing-shard', message, { file, remedy: REMEDY });
}
