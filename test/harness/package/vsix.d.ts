export interface VsixContents {
  entries: { path: string; size: number }[];
  packed: number;
  unpacked: number;
}
export function readVsix(file: string): Promise<VsixContents>;
export function readVsixFile(file: string, path: string): Promise<Buffer>;
