/**
 * Files beside an ONNX model that hold its tensors. A model is data from elsewhere: a location may name files inside
 * the model's folder and nothing else, by whatever path or link.
 *
 * @see https://onnx.ai/onnx/repo-docs/ExternalData.html
 */
import path from 'node:path';
import { CheckpointError, type CheckpointErrorCode } from '../checkpointError';
import { fileError } from '../files/fileReader';
import type { FileSet } from '../files/fileSet';
import type { ExternalData, OnnxTensor } from './onnxTensor';
import { DataFolders, siblingPath } from '../files/siblingPath';

/** Files looked at at once: exporters that write one per tensor make thousands, and network folders are slow. */
const RESOLVE_BATCH = 32;

/** What to do about data that lie elsewhere: they are not read. */
const INSIDE = 'put it beside the model, if you trust the model';

interface ExternalFile {
  readonly path: string;
  readonly size: number;
}

/** Why a file cannot be used, told for the tensor that is asked for. */
type Refusal = (tensor: string) => CheckpointError;

export class ExternalFiles {
  private readonly files = new Map<string, ExternalFile | Refusal>();

  private constructor(
    private readonly fileSet: FileSet,
    private readonly model: string,
    private readonly folders: DataFolders,
  ) {}

  /**
   * Looks for the files that `locations` name; what is wrong with one shows when a tensor in it is located.
   */
  static async find(
    model: string,
    locations: Iterable<string>,
    fileSet: FileSet,
    signal?: AbortSignal,
  ): Promise<ExternalFiles> {
    const external = new ExternalFiles(fileSet, model, await DataFolders.of(model));
    const distinct = [...new Set(locations)];
    for (let start = 0; start < distinct.length; start += RESOLVE_BATCH) {
      signal?.throwIfAborted();
      const batch = distinct.slice(start, start + RESOLVE_BATCH);
      const found = await Promise.all(batch.map((location) => external.resolve(location)));
      batch.forEach((location, index) => external.files.set(location, found[index]!));
    }
    return external;
  }

  /** Absolute paths of the files that exist and may be read. */
  get paths(): string[] {
    const found = [...this.files.values()].flatMap((file) => (typeof file === 'function' ? [] : [file.path]));
    return [...new Set(found)];
  }

  private async resolve(location: string): Promise<ExternalFile | Refusal> {
    const file = siblingPath(path.dirname(this.model), location);
    const quoted = JSON.stringify(location);
    if (file === undefined) {
      return refusal('malformed', `its external file ${quoted} is not inside the model's folder`, this.model, INSIDE);
    }
    try {
      if (!(await this.folders.hold(file))) {
        const what = `its external file ${quoted} is a link out of the model's folder`;
        return refusal('malformed', what, this.model, INSIDE);
      }
      return { path: file, size: await this.fileSet.use(file, (reader) => Promise.resolve(reader.size)) };
    } catch (error) {
      const { code, reason } = fileError(error, file);
      return code === 'not-found'
        ? refusal('missing-shard', 'its external file is missing', file, 'put it beside the model')
        : refusal(code, `its external file ${reason}`, file);
    }
  }

  /**
   * The file that holds the tensor's bytes, from `data.offset` on.
   *
   * @throws CheckpointError `missing-shard`, `malformed` (location, length), `truncated`, `permission`, `io`
   */
  locate(tensor: OnnxTensor, data: ExternalData): string {
    const file = this.files.get(data.location);
    if (!file) throw new Error(`location ${data.location} was never resolved`);
    if (typeof file === 'function') throw file(tensor.name);
    const where = { file: file.path, tensor: tensor.name, offset: data.offset };
    const shape = `its shape [${tensor.shape.join(', ')}] needs ${tensor.byteLength}`;
    if (data.length !== undefined && data.length !== tensor.byteLength) {
      throw new CheckpointError('malformed', `has ${data.length} bytes of external data, but ${shape}`, where);
    }
    const end = data.offset + tensor.byteLength;
    if (end > file.size) {
      throw new CheckpointError(
        'truncated',
        `the file ends at byte ${file.size}, but the model expects data up to byte ${end}`,
        where,
      );
    }
    return file.path;
  }
}

function refusal(code: CheckpointErrorCode, what: string, file: string, remedy?: string): Refusal {
  return (tensor) => new CheckpointError(code, what, { file, tensor, ...(remedy !== undefined && { remedy }) });
}
