/** What the two PyTorch file formats have in common: an object, and storages whose bytes can be read by position. */
import type { Problem } from '../../shared/tensors';
import type { OpeningBudget } from '../files/openingBudget';
import type { TorchPickleHost } from './pickleGlobals';
import type { PickleStorage, PickleValue } from '../pickle/pickleValues';
import type { DeclaredTensors } from './stateDict';

export interface TorchFile {
  readonly format: 'pytorch' | 'torchscript';
  /** What `torch.load` would return. */
  readonly root: PickleValue;
  readonly host: TorchPickleHost;
  readonly storages: StorageSource;
  /** The attributes of TorchScript classes that belong to the state_dict. */
  readonly declared?: DeclaredTensors;
  readonly metadata: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
  /** The budget that is left. */
  readonly budget: OpeningBudget;
}

export interface StorageProblem {
  readonly code: 'malformed' | 'truncated' | 'unsupported' | 'limit';
  readonly reason: string;
  /** Offset in the file. */
  readonly offset?: number;
}

export interface StorageSource {
  /** Elements are stored in big-endian order. */
  readonly bigEndian: boolean;
  /** Why nothing behind some place of the file can be found; `locate` gives it for what lies there. */
  readonly failure?: StorageProblem | undefined;
  /** Bytes that the file holds of the storage with this key, or why it can't be read. */
  locate(storage: PickleStorage): number | StorageProblem;
  /**
   * Bytes [start, end) of the storage with this key.
   *
   * @param whole whether all of its bytes are read in the end, in order: a checksum of them is compared then. For a part it is
   *   compared first, which reads the storage once
   * @throws CheckpointError `corrupt`, `truncated`, `changed`, `io`, …
   */
  read(
    storage: PickleStorage,
    start: number,
    end: number,
    whole: boolean,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>>;
}
