export interface PackageRow {
  onnxruntime: string[];
  files: number;
  packedMB: number;
  unpackedMB: number;
}
declare const platforms: Readonly<Record<string, PackageRow>>;
export default platforms;
