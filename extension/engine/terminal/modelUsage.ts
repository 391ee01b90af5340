/** Help on the commands that run ONNX models. */
export const MODEL_SUMMARY = `  eigenscope calibrate MODEL.onnx --inputs X --out FILE
                                        statistics of what the model's weights are multiplied with
  eigenscope evaluate A.onnx B.onnx --inputs X [--json]
                                        a model and its compressed copy, side by side on the same inputs
`;

export const MODEL_USAGE = `calibrate, evaluate:
  --inputs X           an .npz with an array for each input, an .npy for a model of one input, or a folder of them
  --random N           N made-up inputs instead: they say nothing of real ones, and files made from them say so
  --seed S             seed of --random                               (0)
  --shape NAME=1,512   shape of a made-up input that has axes without a size; may be repeated
  --out FILE           calibrate: the new safetensors file, or a folder for it
  --overwrite          calibrate: replace FILE if it exists
  --memory MB          calibrate: what the Gram matrices may take; layers that do not fit get means alone   (1024)
  --logits NAME        evaluate: an output that is logits, for their KL divergence; may be repeated
  --json               evaluate: print JSON instead of the report
`;
