/** A list in which one entry is chosen from the start: `showQuickPick` always begins at the first. */
import * as vscode from 'vscode';

/** @returns undefined if the person gave up */
export function pickOne<T extends vscode.QuickPickItem>(
  items: readonly T[],
  { title, active }: { title: string; active?: T | undefined },
): Promise<T | undefined> {
  const picker = vscode.window.createQuickPick<T>();
  picker.title = title;
  picker.matchOnDescription = true;
  picker.items = items;
  if (active) picker.activeItems = [active];
  return new Promise((resolve) => {
    picker.onDidAccept(() => {
      resolve(picker.activeItems[0]);
      picker.hide();
    });
    picker.onDidHide(() => {
      resolve(undefined);
      picker.dispose();
    });
    picker.show();
  });
}
