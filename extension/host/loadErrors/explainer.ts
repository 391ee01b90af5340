/**
 * Finds the checkpoint that a program's message about keys is about, and explains the message against it: the one that has
 * the keys and shapes that the message says the checkpoint has, else the one that the text means.
 */
import path from 'node:path';
import type * as vscode from 'vscode';
import { largestOf } from '../../shared/extremes';
import type { MeantCheckpoints } from '../sources/meantCheckpoints';
import type { LayerIndex } from '../workspace/layerIndex';
import type { LayerNames } from '../workspace/layerNames';
import { endingAlike, explain, type Explanation } from './explain';
import type { KeyProblem } from './keyProblems';

/** Keys of a message that choose the checkpoint. */
const MOST_ASKED = 50;

export interface Explained extends Explanation {
  checkpoint: string;
}

export class Explainer {
  constructor(
    private readonly index: () => { index: LayerIndex; files: readonly string[] },
    private readonly meant: Pick<MeantCheckpoints, 'ranked' | 'isMeant'>,
  ) {}

  /**
   * @param message all that the same text says, `problem` among it
   * @param checkpoint that it is about, as `checkpointOf` says
   */
  explain(problem: KeyProblem, message: readonly KeyProblem[], checkpoint: string): Explained | undefined {
    const names = this.index().index.namesOf(checkpoint);
    return names && { checkpoint, ...explain(problem, message, names, path.basename(checkpoint)) };
  }

  /**
   * The checkpoint that a message is about; undefined where that cannot be told.
   *
   * @param document that it stands in; absent for a terminal
   */
  checkpointOf(message: readonly KeyProblem[], document: vscode.TextDocument | undefined): string | undefined {
    const { index, files } = this.index();
    const asked = message.slice(0, MOST_ASKED);
    if (asked.length === 0) return undefined;
    const scored = files.map((checkpoint) => {
      const names = index.namesOf(checkpoint);
      return { checkpoint, has: names ? agreement(asked, names) : 0 };
    });
    const most = largestOf(
      scored.map(({ has }) => has),
      0,
    );
    const [likeliest] = this.meant.ranked(
      document,
      scored.filter(({ has }) => has === most),
    );
    if (!likeliest) return undefined;
    const { checkpoint } = likeliest;
    return most > 0 || this.meant.isMeant(document, checkpoint) || files.length === 1 ? checkpoint : undefined;
  }
}

/** How much of what the message says of the checkpoint holds for this one. */
function agreement(message: readonly KeyProblem[], names: LayerNames): number {
  let points = 0;
  for (const { kind, name, shapes } of message) {
    const own = names.exact(name);
    if (kind === 'unexpected' && own) points += 2;
    else if (kind === 'shape' && own) points += own.shape.join() === shapes!.checkpoint.join() ? 2 : 0;
    // What the checkpoint has under another name says little, and more than nothing.
    else if (kind === 'missing' && !own && endingAlike(name, names)) points += 1;
  }
  return points;
}
