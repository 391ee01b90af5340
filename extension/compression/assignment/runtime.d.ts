/** HiGHS in WASM: esbuild puts its bytes into the bundle. */
declare module 'highs/runtime' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
