/**
 * DeepSpeed's checkpoints: with ZeRO each rank's file holds a part of all parameters, flattened into one vector, which
 * DeepSpeed's own script puts together. Recognised by the names of the files.
 *
 * @see https://github.com/deepspeedai/DeepSpeed/blob/v0.16.0/deepspeed/utils/zero_to_fp32.py
 */
import path from 'node:path';
import { CheckpointError } from '../checkpointError';

/** `bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt`: a rank's part of the optimizer's state, or of the model's. */
const PART = /^(\w+_)?zero_pp_rank_\d+_mp_rank_\d+_(optim|model)_states\.pt$/;

/** The model's states; they are whole unless there is stage 3 or a second file of them. */
const MODEL = /^mp_rank_\d+_model_states\.pt$/;

/** Beside the folders `global_step…` of a run: the script, and the name of the last of them. */
const SCRIPT = 'zero_to_fp32.py';
const LATEST = 'latest';

const REMEDY = `put it together with DeepSpeed's script beside it ("python ${SCRIPT} . pytorch_model.bin")`;

/** Why a folder of these files is not opened; undefined where it is none of DeepSpeed's. */
export function deepspeedRefusal(folder: string, names: readonly string[]): CheckpointError | undefined {
  const split = names.some((name) => PART.test(name));
  const models = names.filter((name) => MODEL.test(name));
  if (!split && models.length === 0 && !(names.includes(SCRIPT) && names.includes(LATEST))) return undefined;
  const message = "is a DeepSpeed checkpoint, whose parameters are split over its ranks' files";
  const whole = models.length === 1 && !names.some((name) => PART.exec(name)?.[2] === 'model');
  const remedy = whole ? `${REMEDY}, or open ${models[0]}, which holds the weights as they were trained in` : REMEDY;
  return new CheckpointError('unsupported', message, { file: folder, remedy });
}

/** What a person must know of one rank's file, whose tensors are shown as they are; undefined for other files. */
export function deepspeedPart(file: string): CheckpointError | undefined {
  if (!PART.test(path.basename(file))) return undefined;
  const message = "is one rank's part of a DeepSpeed checkpoint: its tensors are pieces of flattened parameters";
  return new CheckpointError('missing-shard', message, { file, remedy: REMEDY });
}
