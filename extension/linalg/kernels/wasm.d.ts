/** esbuild embeds `.wasm` files as bytes. */
declare module '*.wasm' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

/** The part of the WebAssembly interface the kernels use; TypeScript ships it only with the browser's types. */
declare namespace WebAssembly {
  class Module {
    private readonly compiled: unique symbol;
    constructor(bytes: Uint8Array);
  }
  class Instance {
    readonly exports: unknown;
    constructor(module: Module, imports: object);
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
}
