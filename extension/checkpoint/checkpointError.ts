/** What is wrong with a checkpoint, for programs and for people. */
import { l10n } from '../shared/language/l10n';
import type { Problem } from '../shared/tensors';
import { MAX_NAME } from './elements/names';

export interface ErrorPlace {
  readonly file?: string;
  readonly offset?: number;
  readonly tensor?: string;
  readonly cause?: unknown;
  /** What to do, where that is not what the code's errors usually ask for. */
  readonly remedy?: string;
}

/** What is wrong with a checkpoint: code for programs; place, reason and remedy for people. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';

  /**
   * @param code one of the codes in `CheckpointErrorCode`
   * @param reason what is wrong; the place is put in front of it, the remedy behind
   */
  constructor(
    readonly code: CheckpointErrorCode,
    readonly reason: string,
    readonly where: ErrorPlace = {},
  ) {
    const place = [
      where.file,
      where.tensor && `tensor ${shortened(where.tensor)}`,
      where.offset !== undefined && `byte ${where.offset}`,
    ];
    const prefix = place.filter(Boolean).join(', ');
    const remedy = where.remedy ?? REMEDIES[code];
    const message =
      prefix === ''
        ? l10n.english('{0}; {1}', shortened(reason), remedy)
        : l10n.english('{0}: {1}; {2}', prefix, shortened(reason), remedy);
    super(message, { cause: where.cause });
  }

  /** The same error, of a tensor it does not name yet. */
  ofTensor(tensor: string): CheckpointError {
    return this.where.tensor === undefined
      ? new CheckpointError(this.code, this.reason, { ...this.where, tensor })
      : this;
  }

  toProblem(): Problem {
    const { file, offset, tensor } = this.where;
    return {
      code: this.code,
      message: this.message,
      ...(file !== undefined && { file }),
      ...(offset !== undefined && { offset }),
      ...(tensor !== undefined && { tensor: tensor.slice(0, MAX_NAME) }),
    };
  }
}

/** Characters of a name that a message shows at each end of it. */
const NAME_ENDS_SHOWN = 100;

const LONG_NAME = new RegExp(`(\\S{${NAME_ENDS_SHOWN}})\\S+(\\S{${NAME_ENDS_SHOWN}})`, 'gu');

/** Names of tensors and shards come from the file, and may be of any length: longer ones lose their middle. */
function shortened(text: string): string {
  return text.replace(LONG_NAME, '$1…$2');
}

export type CheckpointErrorCode =
  /** The file ends before something its header promises. */
  | 'truncated'
  /** Not a file of this (or any known) format. */
  | 'unknown-format'
  /** Text in place of weights: a web page, an error in JSON, a pointer of Git LFS. */
  | 'text-file'
  /** A folder that holds several checkpoints. */
  | 'ambiguous'
  /** The header contradicts itself or the format. */
  | 'malformed'
  /** A declared size is beyond a safety limit (the message names the limit). */
  | 'limit'
  /** Valid, but of a kind this program does not read (dtype, quantised, sparse, encrypted). */
  | 'unsupported'
  | 'missing-shard'
  /** A pickle names functions that no checkpoint needs: they are not run here, but may be elsewhere. */
  | 'unsafe-pickle'
  /** CRC or size of stored data is not what the file says. */
  | 'corrupt'
  /** The file changed, shrank or vanished since it was opened. */
  | 'changed'
  | 'not-found'
  | 'permission'
  /** Reading failed below us; the cause says how. */
  | 'io';

/** What a person can do about most errors of a code. */
const REMEDIES: Readonly<Record<CheckpointErrorCode, string>> = {
  truncated: l10n.english('fetch it again'),
  'unknown-format': l10n.english('open a checkpoint, or fetch it again'),
  'text-file': l10n.english('open it as text to see what it says, and fetch the file again'),
  ambiguous: l10n.english('open one of them'),
  malformed: l10n.english('fetch it again, or save it anew'),
  limit: l10n.english('no known model needs more: if yours does, please report it'),
  unsupported: l10n.english('save it as plain, dense numbers of a known type to inspect it'),
  'missing-shard': l10n.english('put it beside the others'),
  'unsafe-pickle': l10n.english('load it elsewhere only if you trust its source'),
  corrupt: l10n.english('fetch it again'),
  changed: l10n.english('reload it'),
  'not-found': l10n.english('check the path'),
  permission: l10n.english('check its permissions'),
  io: l10n.english('try again, or copy it to another disk'),
};
