/** Strings that name a checkpoint: the argument of a call that loads one, or a path that ends as checkpoints do. */
import { isCheckpointName } from '../../shared/names/checkpointNames';

/** What stands before the argument, by its last part: `torch.load(`, `AutoModel.from_pretrained(`, `load_file(filename=`. */
const CALL =
  /\b(load|load_file|safe_open|from_pretrained|from_single_file|load_model|load_weights|load_checkpoint|load_adapter|snapshot_download|hf_hub_download|InferenceSession|GGUFReader|Llama|File)\(\s*(\w{1,40}\s*=\s*)?[rRbuf]?$/;

const REACH = 120;

/** @param start column of the string's first character, behind its quote */
export function namesCheckpoint(line: string, start: number, text: string): boolean {
  return isCheckpointName(text) || CALL.test(line.slice(Math.max(0, start - 1 - REACH), Math.max(0, start - 1)));
}
