/**
 * PyTorch checkpoints: what `torch.save`, `torch.jit.save` and `torch.export.save` write. The pickle in them is interpreted as data
 * (`pickle.ts`, `pickleGlobals.ts`), never run.
 */
import { hasNameOf } from '../../shared/names/checkpointNames';
import { type Checkpoint, type CheckpointFormat } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { deepspeedPart } from './deepspeed';
import type { FileBytes } from '../files/fileBytes';
import { FileReader } from '../files/fileReader';
import { OpeningBudget } from '../files/openingBudget';
import type { TorchPickleHost } from './pickleGlobals';
import { PickleTensor } from '../pickle/pickleValues';
import { countNames, ProblemList } from '../problemList';
import { openTorchLegacy } from './pytorchLegacy';
import type { StorageProblem, TorchFile } from './pytorchStorage';
import { SharedPlaces, tensorOf } from './pytorchTensor';
import { openTorchZip } from './pytorchZip';
import { SourcedCheckpoint, type SourcedTensor } from '../elements/sourcedCheckpoint';
import { readStateDict, type NamedTensor } from './stateDict';
import { firstRecord, isZip } from '../containers/zipArchive';
import { l10n } from '../../shared/language/l10n';

/** Enough for every signature below, a tar header's included. */
const HEAD_BYTES = 512;

/** How the pickled magic number of a legacy stream begins. */
const LEGACY_MAGIC = Buffer.from([0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]);

/** Classes and functions that a pickle names: so many are shown, each at most so long. */
const MAX_NAMES_SHOWN = 20;
const MAX_NAME_SHOWN = 200;

export const pytorchFormat: CheckpointFormat = {
  name: 'pytorch',

  matches(file, head) {
    const kind = kindOf(head);
    if (kind === undefined) return false;
    if (hasNameOf('pytorch', file)) return true;
    if (kind === 'zip')
      return /^[^/]*\/(\.?data|\.format|version|byteorder|code|constants|archive_format)/.test(firstRecord(head));
    return kind === 'pickle' && Buffer.from(head).includes(LEGACY_MAGIC);
  },

  async open(file, signal) {
    const reader = await FileReader.open(file);
    try {
      return await openPytorch(reader, signal);
    } catch (error) {
      await reader.close();
      throw error;
    }
  },
};

/**
 * The checkpoint closes the file; where this throws, the caller does.
 *
 * @param budget of all files that are opened together
 * @throws CheckpointError
 */
export async function openPytorch(
  file: FileBytes,
  signal?: AbortSignal,
  budget = new OpeningBudget(file.path),
): Promise<Checkpoint> {
  return makeCheckpoint(file, await openTorchFile(file, budget, signal));
}

async function openTorchFile(reader: FileBytes, budget: OpeningBudget, signal?: AbortSignal): Promise<TorchFile> {
  const head = await reader.read(0, Math.min(HEAD_BYTES, reader.size), signal);
  switch (kindOf(head)) {
    case 'zip':
      return openTorchZip(reader, budget, signal);
    case 'pickle':
      return openTorchLegacy(reader, budget, signal);
    case 'tar': {
      const message = l10n.english('is in the tar format of PyTorch before 0.1.10');
      throw new CheckpointError('unsupported', message, {
        file: reader.path,
        remedy: l10n.english('load and save it with a newer PyTorch'),
      });
    }
    default: {
      const message = l10n.english('begins with neither a zip archive nor a pickle, so it is not a PyTorch checkpoint');
      throw new CheckpointError('unknown-format', message, { file: reader.path });
    }
  }
}

function kindOf(bytes: Uint8Array): 'zip' | 'pickle' | 'tar' | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (isZip(head)) return 'zip';
  if (head.toString('latin1', 257, 262) === 'ustar') return 'tar';
  // PROTO and a version; protocols 0 and 1 have no signature, and torch.save never wrote them.
  if (head[0] === 0x80 && (head[1] ?? 2) >= 2) return 'pickle';
  return undefined;
}

function makeCheckpoint(reader: FileBytes, file: TorchFile): Checkpoint {
  const found = readStateDict(file.root, file.budget, file.declared);
  const problems = new ProblemList(reader.path);
  const danger = dangerProblem(file.host);
  if (danger !== undefined) problems.add('unsafe-pickle', danger);
  const part = deepspeedPart(reader.path);
  if (part) problems.push(part.toProblem());
  const { repeated } = file.host;
  if (repeated.size > 0) {
    problems.add(
      'malformed',
      `holds ${listNames([...repeated])} more than once, and the last one is shown, as Python has it`,
    );
  }
  problems.pushAll(file.problems);
  for (const message of found.limits) problems.add('limit', message);
  // The object itself is let go of: only what is named below stays in memory.
  const { storages } = file;
  const tell = ({ code, reason, offset }: StorageProblem, tensor?: string): void =>
    problems.add(code, reason, { ...(offset !== undefined && { offset }), ...(tensor !== undefined && { tensor }) });
  const tensors: SourcedTensor[] = [];
  const places = new SharedPlaces();
  const parts: string[] = [];
  let unheard = storages.failure;
  const entries = new Array<ReturnType<typeof tensorOf>>(found.tensors.length);
  // If tensors lie over the same bytes, the first counts: the model's, not those of an optimizer object before it.
  for (const ofModel of [true, false]) {
    for (const [i, tensor] of found.tensors.entries()) {
      if ((tensor.notModel === undefined) === ofModel) entries[i] = tensorOf(tensor, storages, places);
    }
  }
  for (const [i, tensor] of found.tensors.entries()) {
    const entry = entries[i]!;
    if ('info' in entry) {
      tensors.push(entry);
      const text = partText(tensor);
      if (text !== undefined) parts.push(text);
      continue;
    }
    tell(entry, tensor.name);
    if (entry === unheard) unheard = undefined;
  }
  if (unheard) tell(unheard);
  if (parts.length > 0) {
    const message = `holds only this rank's part of ${countNames(parts)}, and their numbers are those of the part`;
    const remedy = 'save the whole with torch.distributed.checkpoint, and open that folder';
    problems.push(new CheckpointError('missing-shard', message, { file: reader.path, remedy }).toProblem());
  }
  return new SourcedCheckpoint(reader, {
    format: file.format,
    metadata: { ...file.metadata, ...found.metadata, ...unknownClasses(file.host) },
    tensors,
    problems: problems.list(),
  });
}

/** What a pickle names that no checkpoint needs, in words; undefined where there is nothing. */
export function dangerProblem({ dangerous }: TorchPickleHost): string | undefined {
  if (dangerous.size === 0) return undefined;
  const names = listNames([...dangerous]);
  return `refers to ${names}: nothing was run here, but a program that loads this file may run it`;
}

/** A tensor that is a part of a larger one, in words. */
function partText({ name, value }: NamedTensor): string | undefined {
  if (!(value instanceof PickleTensor) || !value.traits.partOf) return undefined;
  return `${name}, [${value.shape.join(', ')}] of [${value.traits.partOf.shape.join(', ')}]`;
}

function unknownClasses(host: TorchPickleHost): Record<string, string> {
  const names = [...host.unknown].filter((name) => !name.startsWith('__torch__.'));
  return names.length === 0 ? {} : { 'objects not loaded': listNames(names) };
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES_SHOWN).map((name) => name.slice(0, MAX_NAME_SHOWN));
  return shown.join(', ') + (names.length > shown.length ? `, … ${names.length} in all` : '');
}
