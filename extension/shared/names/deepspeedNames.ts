/** Names of DeepSpeed's files: with ZeRO each rank's file holds a part of all parameters. */

/** `bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt`: a rank's part of the optimizer's state, or of the model's. */
export const DEEPSPEED_PART = /^(\w+_)?zero_pp_rank_\d+_mp_rank_\d+_(optim|model)_states\.pt$/;

/** The model, whole if there is neither stage 3 nor a second of them. */
export const DEEPSPEED_MODEL = /^mp_rank_\d+_model_states\.pt$/;

/** Beside the folders `global_step…` of a run: the script, and the name of the last of them. */
export const DEEPSPEED_SCRIPT = 'zero_to_fp32.py';
const LATEST_STEP = 'latest';

/** True for the files of a folder whose parameters are split. One whole model's file alone is a checkpoint. */
export function isDeepspeed(names: readonly string[]): boolean {
  if (names.some((name) => DEEPSPEED_PART.test(name))) return true;
  if (names.filter((name) => DEEPSPEED_MODEL.test(name)).length > 1) return true;
  return names.includes(DEEPSPEED_SCRIPT) && names.includes(LATEST_STEP);
}
