/** What a run of a plan depends on: an interrupted one goes on only if all of it is the same. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { version } from '../../../package.json';
import { fileError } from '../../checkpoint/files/fileReader';
import type { RunIdentity } from '../../compression/run/partialRun';
import { filesBeside } from '../../compression/writers/modelFiles';
import type { RunRequest } from '../../shared/compression/runs';
import { sampleFiles } from '../document/contentProbe';
import type { EngineDocument } from '../document/engineDocument';

/**
 * @param shardBytes as it is used
 * @param statistics fingerprint of the file
 * @throws CheckpointError
 */
export async function runIdentity(
  document: EngineDocument,
  { plan, layout, dtype }: RunRequest,
  shardBytes: number,
  { statistics, quantised }: { statistics?: string; quantised?: EngineDocument },
): Promise<RunIdentity> {
  const { $schema: _, ...content } = plan;
  return {
    'the plan': hashOf(content),
    'the model’s files': await filesIdentity(document),
    'the layout': layout,
    'the type': dtype ?? 'as stored',
    'the size of shards': String(shardBytes),
    'the statistics': statistics ?? 'none',
    'the quantised checkpoint': quantised ? await filesIdentity(quantised) : 'none',
    'the version of Eigenscope': version,
  };
}

/** Names, sizes, times of writing, and samples of the content: a copy of the same files is the same. */
async function filesIdentity({ checkpoint }: EngineDocument): Promise<string> {
  const beside = (await filesBeside(checkpoint)).map((file) => file.path);
  const files = [...new Set([...checkpoint.files, ...beside])];
  const states = await Promise.all(
    files.map(async (file) => {
      const { size, mtimeMs } = await stat(file).catch((error: unknown) => {
        throw fileError(error, file);
      });
      return [path.basename(file), size, mtimeMs];
    }),
  );
  const samples = await sampleFiles(files);
  return hashOf([states, samples.toString('hex')]);
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
