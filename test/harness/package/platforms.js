// The packages: which of onnxruntime's libraries each one has, how many files, and its size in megabytes (1e6 bytes).
// `npm run package` takes the libraries from here, the tests hold the rest to what was made.

/** The loader asks for the binding, and the binding for `libonnxruntime.so.1`, nearly all of the package. */
const LINUX = ['libonnxruntime.so.1', 'onnxruntime_binding.node'];

/**
 * `onnxruntime.dll` loads DirectML.dll when the `dml` device is tried, and the two DXC libraries to compile WebGPU's
 * shaders for Direct3D. Without DirectML.dll the package would be 9 MB smaller, and all else would work. It stays in until
 * somebody has measured on Windows that WebGPU is as fast: `auto` takes the faster one.
 */
const WINDOWS = ['DirectML.dll', 'dxcompiler.dll', 'dxil.dll', 'onnxruntime.dll', 'onnxruntime_binding.node'];

/** onnxruntime-node has the same library a second time, as libonnxruntime.1.30.0.dylib, for which nothing asks. */
const MACOS = ['libonnxruntime.1.dylib', 'onnxruntime_binding.node'];

/** onnxruntime has nothing for Intel Macs or for musl: the WASM kernels do all the work there. */
const NONE = [];

module.exports = {
  'linux-x64': { onnxruntime: LINUX, files: 60, packedMB: 20.8, unpackedMB: 54.5 },
  'linux-arm64': { onnxruntime: LINUX, files: 60, packedMB: 13.3, unpackedMB: 33.8 },
  'win32-x64': { onnxruntime: WINDOWS, files: 64, packedMB: 31.7, unpackedMB: 75.3 },
  'win32-arm64': { onnxruntime: WINDOWS, files: 64, packedMB: 32.9, unpackedMB: 81.2 },
  'darwin-arm64': { onnxruntime: MACOS, files: 60, packedMB: 15.9, unpackedMB: 53.1 },
  'darwin-x64': { onnxruntime: NONE, files: 27, packedMB: 2.9, unpackedMB: 8.3 },
  'alpine-x64': { onnxruntime: NONE, files: 27, packedMB: 2.9, unpackedMB: 8.3 },
  'alpine-arm64': { onnxruntime: NONE, files: 27, packedMB: 2.9, unpackedMB: 8.3 },
};
