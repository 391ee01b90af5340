/** The groups and datasets of an HDF5 file, from its root down: names, attributes, and what leads nowhere. */
import { CheckpointError } from '../checkpointError';
import { readAttributes, type AttributeValue } from './hdf5Attributes';
import type { Hdf5Bytes } from './hdf5Bytes';
import type { UnpackedChunks } from './hdf5ChunkedRows';
import { readDataset, type Hdf5Dataset } from './hdf5Dataset';
import { isGroup, quoted, readLinks } from './hdf5Link';
import type { Elsewhere, Link } from './hdf5LinkKinds';
import { MESSAGE, readObjectHeader, type Message } from './hdf5ObjectHeader';
import { inKerasOrder, listedNames } from '../keras/kerasOrder';
import type { ProblemList } from '../problemList';
import { MAX_TENSORS } from '../elements/shape';

/** Modules are nested a dozen levels deep at most. */
const MAX_DEPTH = 64;

/** Longest name of one dataset with all its groups, and of all together: nested names repeat in every name below. */
const MAX_NAME_CHARACTERS = 4096;
const MAX_CHARACTERS = 32_000_000;

/** Objects that cannot be read, after which the rest is not looked at: the file is no longer worth it. */
const MAX_DAMAGED = 10_000;

export interface FoundDataset {
  readonly name: string;
  readonly dataset: Hdf5Dataset;
  /** The first name of the same dataset. */
  readonly sharedWith?: string;
}

export class Hdf5Tree {
  readonly datasets: FoundDataset[] = [];
  /** Attributes of groups, by path; '' is the root. */
  readonly attributes = new Map<string, ReadonlyMap<string, AttributeValue>>();
  /** Names of objects by the address of their header. */
  private readonly groups = new Map<number, string>();
  private readonly known = new Map<number, FoundDataset>();
  private readonly names = new Set<string>();
  /** Looked up once all objects are known. */
  private readonly softLinks: { readonly name: string; readonly target: string }[] = [];
  private characters = 0;
  private damaged = 0;

  constructor(
    private readonly bytes: Hdf5Bytes,
    private readonly unpacked: UnpackedChunks,
    private readonly problems: ProblemList,
  ) {}

  /** @throws CheckpointError where the root group cannot be read, or further reading makes no sense: `changed`, `io`, `limit` */
  async read(root: number | undefined): Promise<void> {
    const messages = await readObjectHeader(this.bytes, root);
    if (!isGroup(messages)) throw this.bytes.error('malformed', 'has a root that is not a group', root);
    this.groups.set(root!, '/');
    await this.group(messages, '', [], 0);
    this.followSoftLinks();
  }

  /** Those to datasets are further names of them; others leave nothing out that could be listed, and are only told. */
  private followSoftLinks(): void {
    const byName = new Map(this.datasets.map((found) => [found.name, found]));
    const groups = new Set(this.groups.values());
    for (const { name, target } of this.softLinks) {
      const path = target
        .split('/')
        .filter((part) => part !== '' && part !== '.')
        .join('/');
      const found = byName.get(path);
      if (found) this.datasets.push({ name, dataset: found.dataset, sharedWith: found.sharedWith ?? found.name });
      else if (path === '' || groups.has(path)) this.tellOtherName(name, path === '' ? '/' : path);
      else this.tell(`${quoted(name)} is a soft link to ${quoted(target)}, where nothing is listed`);
    }
  }

  /** What is below the group is listed already, under another name. */
  private tellOtherName(name: string, group: string): void {
    this.tell(`${quoted(name)} is another name of the group ${quoted(group)} and is not listed a second time`);
  }

  /** About no tensor: a copy of the file lacks nothing without it. */
  private tell(message: string): void {
    this.problems.add('unsupported', message);
  }

  /** @param order in which the layers or weights below are listed, relative to this group */
  private async group(
    messages: readonly Message[],
    path: string,
    order: readonly string[],
    depth: number,
  ): Promise<void> {
    const attributes = await readAttributes(messages, this.bytes, (error) => this.damage(error, path));
    if (attributes.size > 0) this.attributes.set(path, attributes);
    const listed = listedNames(attributes) ?? order;
    for (const { link, below } of inKerasOrder(await readLinks(messages, this.bytes), listed)) {
      const name = path === '' ? link.name : `${path}/${link.name}`;
      try {
        await this.object(link, name, below, depth + 1);
      } catch (error) {
        this.damage(error, name);
      }
    }
  }

  private async object(link: Link, name: string, order: readonly string[], depth: number): Promise<void> {
    if ('elsewhere' in link) throw this.notListed(link.elsewhere);
    this.addName(name);
    if ('path' in link) {
      const target = link.path.startsWith('/')
        ? link.path
        : `${name.slice(0, name.length - link.name.length)}${link.path}`;
      this.softLinks.push({ name, target });
      return;
    }
    const { address } = link;
    const first = this.groups.get(address);
    if (first !== undefined) {
      this.tellOtherName(name, first);
      return;
    }
    const known = this.known.get(address);
    if (known) {
      this.datasets.push({ name, dataset: known.dataset, sharedWith: known.name });
      return;
    }
    const messages = await readObjectHeader(this.bytes, address);
    if (isGroup(messages)) {
      if (depth > MAX_DEPTH) throw this.bytes.error('limit', `is nested deeper than ${MAX_DEPTH} levels`, address);
      this.groups.set(address, name);
      return this.group(messages, name, order, depth);
    }
    // A type that datasets can refer to.
    if (!messages.some(({ type }) => type === MESSAGE.layout || type === MESSAGE.dataspace)) return;
    const attributes = (): Promise<ReadonlyMap<string, AttributeValue>> =>
      readAttributes(messages, this.bytes, (error) => this.damage(error, name));
    const found = { name, dataset: await readDataset(messages, this.bytes, this.unpacked, attributes) };
    this.known.set(address, found);
    this.datasets.push(found);
  }

  private notListed({ reason, remedy }: Elsewhere): CheckpointError {
    return new CheckpointError('unsupported', reason, { file: this.bytes.path, remedy });
  }

  private addName(name: string): void {
    if (this.names.has(name)) throw this.bytes.error('malformed', 'the name occurs twice, and the first one is shown');
    this.characters += name.length;
    if (this.names.size >= MAX_TENSORS || this.characters > MAX_CHARACTERS || name.length > MAX_NAME_CHARACTERS) {
      const limit = `${MAX_TENSORS} names, ${MAX_CHARACTERS} characters of names or ${MAX_NAME_CHARACTERS} of one`;
      throw this.bytes.error('limit', `there are more than ${limit}`);
    }
    this.names.add(name);
  }

  /** Notes what is wrong with one object. @throws the error where it is not about the object alone */
  private damage(error: unknown, name: string): void {
    if (!(error instanceof CheckpointError) || error.code === 'changed' || error.code === 'io') throw error;
    if (++this.damaged > MAX_DAMAGED) {
      throw this.bytes.error('limit', `more than ${MAX_DAMAGED} of its objects cannot be read`);
    }
    this.problems.push((name === '' ? error : error.ofTensor(name)).toProblem());
  }
}
