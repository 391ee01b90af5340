export interface RunningWorkbench {
  /** Address that opens a folder, with this repository as a development extension unless a package is installed. */
  url(target: { folder: string; tests?: string }): string;
  /** The server's own short address: for a server with `linked`. */
  address: string;
  /** Replaces the user's settings; a window takes them up when it is loaded. */
  useSettings(settings: Record<string, unknown>): void;
  /** Folder of all user data, with `extensions` and `User/globalStorage` in it. */
  data: string;
  stop(): Promise<void>;
  ended: Promise<unknown>;
}

export interface WorkbenchOptions {
  settings?: Record<string, unknown>;
  environment?: Record<string, string>;
  installed?: string[];
  /** Folder that the server opens by itself, with this repository as an installed extension: `address` is then enough. */
  linked?: string;
  /** Package that is installed, in place of this repository as a development extension. */
  vsix?: string;
  /** VS Code's display language: `de`. Its own texts stay English. */
  language?: string;
  /** Folders are in Restricted Mode until trusted, without a question. */
  trust?: boolean;
  log?: (text: string) => void;
}

/** Installs the workbench into the cache once. @returns path of its entry script */
export function installWorkbench(): Promise<string>;
export function startWorkbench(options?: WorkbenchOptions): Promise<RunningWorkbench>;
