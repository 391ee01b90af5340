/** Free-form key/value pairs of a header, as text. */
import { objectEntries, parseValue } from './jsonObject';
import { isLongName } from '../elements/names';

/** Real files have a handful; bounds memory. */
export const MAX_METADATA_ENTRIES = 10_000;

const QUOTE = 0x22;

/**
 * Pairs of the JSON object in [start, end). A value that is not text is given as it is written, and told to `onOther` with
 * the byte where it stands; so is a name that is too long, which is left out. Stops after `MAX_METADATA_ENTRIES`.
 *
 * @throws JsonSyntaxError, with the pairs before it already in `pairs`
 */
export function collectMetadata(
  json: Buffer,
  { start, end }: { start: number; end: number },
  pairs: Map<string, string>,
  onOther: (key: string, offset: number) => void = () => undefined,
): void {
  for (const { key, start: at, end: after } of objectEntries(json.subarray(0, end), start)) {
    if (pairs.size >= MAX_METADATA_ENTRIES) return;
    if (isLongName(key)) {
      onOther(key, at);
      continue;
    }
    if (json[at] === QUOTE) {
      pairs.set(key, parseValue(json, at, after) as string);
    } else {
      onOther(key, at);
      pairs.set(key, json.toString('utf8', at, after));
    }
  }
}
