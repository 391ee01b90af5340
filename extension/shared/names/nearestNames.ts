/** Finds the names that a mistyped one probably meant. */

/** Names that a message suggests. */
const MOST = 3;

/** Longer names and texts are compared by their ends alone: that is where layers differ. */
const COMPARED = 200;

/** Shares of equal pairs of letters below this are chance. */
const LEAST_SIMILARITY = 0.5;

/** `; did you mean a, b or c?`, or nothing where no name is near. */
export function didYouMean(given: string, names: Iterable<string>): string {
  const found = nearestNames(given, names);
  const last = found.pop();
  if (last === undefined) return '';
  return `; did you mean ${found.length > 0 ? `${found.join(', ')} or ` : ''}${last}?`;
}

/**
 * The nearest names, the nearest first: by the share of pairs of letters that both have (Dice's coefficient), and those that
 * hold the given text as a whole before others.
 *
 * @param given may hold wildcards, which count for nothing
 */
function nearestNames(given: string, names: Iterable<string>): string[] {
  const text = given.replaceAll('*', '').slice(-COMPARED).toLowerCase();
  const wanted = pairsOf(text);
  const near: { name: string; score: number }[] = [];
  for (const name of names) {
    const end = name.slice(-COMPARED).toLowerCase();
    const whole = text.length > 1 && end.includes(text) ? 1 : 0;
    const score = whole + similarity(wanted, pairsOf(end));
    if (score < LEAST_SIMILARITY) continue;
    near.push({ name, score });
    // A model may have a million names, all of them near.
    if (near.length > 1000) keepBest(near);
  }
  keepBest(near);
  return near.map(({ name }) => name);
}

/** How alike two names are, 0 to 1: the share of pairs of letters that both have. */
export function nameSimilarity(a: string, b: string): number {
  return similarity(pairsOf(a.slice(-COMPARED).toLowerCase()), pairsOf(b.slice(-COMPARED).toLowerCase()));
}

function keepBest(near: { name: string; score: number }[]): void {
  near.sort((a, b) => b.score - a.score);
  near.length = Math.min(near.length, MOST);
}

function pairsOf(text: string): Map<string, number> {
  const pairs = new Map<string, number>();
  for (let i = 0; i + 1 < text.length; i++) {
    const pair = text.slice(i, i + 2);
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  return pairs;
}

/** Twice the pairs that both have over the pairs of both. */
function similarity(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let [shared, all] = [0, 0];
  for (const [pair, count] of a) {
    shared += Math.min(count, b.get(pair) ?? 0);
    all += count;
  }
  for (const count of b.values()) all += count;
  return all === 0 ? 0 : (2 * shared) / all;
}
