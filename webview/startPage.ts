/** How a page starts: connects to the host, asks for what to show, and passes on what the host tells. */
import type { ViewNotifications, ViewState } from '../extension/protocol';
import { l10n } from '../extension/shared/language/l10n';
import { connect, type Host } from './connection';
import { button, registerControls } from './controls/controls';
import { element } from './controls/elements';
import { watchTheme } from './controls/theme';
import { failedPage } from './failedPage';
import type { ViewMemory } from './viewMemory';

/** The page of an open checkpoint. */
export interface StartedPage {
  readonly handlers: { [K in keyof ViewNotifications]: (params: ViewNotifications[K]) => void };
  readonly table: { focus(): void };
}

/** @param make the page of a checkpoint that was opened; `reload` opens it anew */
export function startPage(
  make: (host: Host, memory: ViewMemory, state: ViewState, root: HTMLElement, reload: () => void) => StartedPage,
): void {
  registerControls();
  watchTheme();
  const root = document.getElementById('app')!;
  let page: StartedPage | null = null;
  const forward =
    <K extends keyof ViewNotifications>(name: K) =>
    (params: ViewNotifications[K]): void =>
      page?.handlers[name](params);
  const { host, memory } = connect({
    results: forward('results'),
    quick: forward('quick'),
    ownNumbers: forward('ownNumbers'),
    progress: forward('progress'),
    queue: forward('queue'),
    saving: forward('saving'),
    modelSaving: forward('modelSaving'),
    textRun: forward('textRun'),
    testing: forward('testing'),
    changed: forward('changed'),
    engine: forward('engine'),
    columns: forward('columns'),
    select: forward('select'),
  });
  const load = (method: 'ready' | 'reload'): void => {
    page = null;
    root.replaceChildren(element('div', { class: 'loading-page', role: 'status' }, l10n.t('Reading headers…')));
    host.request(method, null).then(
      (state) => {
        page = make(host, memory, state, root, () => load('reload'));
        // What had the focus, the button that was pressed, is gone.
        if (method === 'reload') page.table.focus();
        // The frame after the one that draws it.
        requestAnimationFrame(() =>
          requestAnimationFrame(() => void host.request('drawn', null).catch(() => undefined)),
        );
      },
      (error: unknown) => {
        const again = button({
          label: l10n.t('Try Again'),
          icon: 'refresh',
          appearance: 'primary',
          onClick: () => load('reload'),
        });
        root.replaceChildren(
          failedPage(error, again, () => void host.request('openAsText', null).catch(() => undefined)),
        );
        if (method === 'reload') again.focus();
      },
    );
  };
  load('ready');
}
