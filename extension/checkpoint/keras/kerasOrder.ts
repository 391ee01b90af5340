/** The order in which Keras lists layers and weights: HDF5 itself lists names by the alphabet. */
import type { AttributeValue } from '../hdf5/hdf5Attributes';
import type { Link } from '../hdf5/hdf5LinkKinds';

/** Keras cuts a list that is too long for one attribute into several, with a number behind the name. */
const LISTS = /^(layer_names|weight_names)(\d*)$/;

/** `vars/10` comes after `vars/9`, `dense_10` after `dense_9`. */
const BY_NUMBER = new Intl.Collator('en', { numeric: true });

/** A group's layers or weights as it lists them, relative to it; undefined where it does not. */
export function listedNames(attributes: ReadonlyMap<string, AttributeValue>): readonly string[] | undefined {
  const lists = [...attributes]
    .filter(([name]) => LISTS.test(name))
    .sort(([a], [b]) => BY_NUMBER.compare(a, b))
    .map(([, value]) => value);
  return lists.length === 0 ? undefined : lists.flat();
}

/** A link, and the part of the list that is about what is below it, relative to it. */
export interface OrderedLink {
  readonly link: Link;
  readonly below: readonly string[];
}

/** Listed links as they are listed, the others behind them. */
export function inKerasOrder(links: readonly Link[], listed: readonly string[]): OrderedLink[] {
  const places = new Map<string, { place: number; below: string[] }>();
  for (const [place, path] of listed.entries()) {
    const end = path.indexOf('/');
    const name = end < 0 ? path : path.slice(0, end);
    const known = places.get(name) ?? { place, below: [] };
    places.set(name, known);
    if (end >= 0) known.below.push(path.slice(end + 1));
  }
  return links
    .map((link) => ({ link, below: [] as string[], place: Infinity, ...places.get(link.name) }))
    .sort((a, b) => (a.place === b.place ? BY_NUMBER.compare(a.link.name, b.link.name) : a.place - b.place));
}
