/** False on platforms for which onnxruntime-node ships no library: the kernels must do its work there. */
export const onnxruntimeExists = `${process.platform}-${process.arch}` !== 'darwin-x64';
