/** Which groups of a checkpoint can become smaller together, by which method, and why others cannot. @see compressGroup */
import { CompressionError } from '../../compression/compressionError';
import { groupsIn, type BlockGroup } from '../../compression/groups/findGroups';
import { GROUP_KINDS } from '../../compression/groups/reduceGroup';
import type { GroupOption } from '../../shared/compression/blockGroups';
import { GROUP_METHODS } from '../../shared/compression/planKeys';
import type { GroupMethodName } from '../../shared/compression/plans';
import type { EngineDocument } from '../document/engineDocument';
import { EngineError } from '../layer/engineLayer';
import { foundGroup } from './compressGroup';

/** Method by method, the groups of each in the checkpoint's order. */
export function groupOptions(document: EngineDocument): GroupOption[] {
  const all = groupsIn(document.checkpoint.tensors);
  return (Object.keys(GROUP_METHODS) as GroupMethodName[]).flatMap((method) =>
    all.filter(({ kind }) => kind === GROUP_KINDS[method]).map(({ name }) => groupOption(document, all, name, method)),
  );
}

function groupOption(
  document: EngineDocument,
  all: readonly BlockGroup[],
  name: string,
  method: GroupMethodName,
): GroupOption {
  try {
    const { most, measuredAt, members } = foundGroup(document, all, name, { method, rank: 1 }, undefined);
    return { method, name, most, measuredAt, members: members.map(({ tensor }) => tensor.name) };
  } catch (error) {
    if (!(error instanceof CompressionError || error instanceof EngineError)) throw error;
    return { method, name, why: error instanceof CompressionError ? error.reason : error.message };
  }
}
