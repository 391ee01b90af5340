/** Help on the commands that run models. */
export const MODEL_SUMMARY = `  eigenscope calibrate MODEL.onnx --inputs X --out FILE
                                        statistics of what the model's weights are multiplied with
  eigenscope evaluate A.onnx B.onnx --inputs X [--json]
                                        a model and its compressed copy, side by side on the same inputs
  eigenscope calibrate MODEL --text FILE --out FILE
                                        the same statistics of a language model, and the influence of its blocks
  eigenscope evaluate MODEL [MODEL2 …] [--plan P …] --text FILE [--json]
                                        perplexity of language models, and KL divergence of the others from the first
  eigenscope sensitivity MODEL --text FILE --ratio R [--by layer|role|block]
                                        what is lost if one layer at a time is compressed, beside its spectrum
`;

export const MODEL_USAGE = `calibrate, evaluate of ONNX models:
  --inputs X           an .npz with an array for each input, an .npy for a model of one input, or a folder of them
  --random N           N made-up inputs instead: they say nothing of real ones, and files made from them say so
  --seed S             seed of --random                               (0)
  --shape NAME=1,512   shape of a made-up input that has axes without a size; may be repeated
  --out FILE           calibrate: the new safetensors file, or a folder for it
  --overwrite          calibrate: replace FILE if it exists
  --memory MB          calibrate: what the Gram matrices may take; layers that do not fit get means alone   (1024)
  --logits NAME        evaluate: an output that is logits, for their KL divergence; may be repeated
  --json               evaluate: print JSON instead of the report

calibrate, evaluate of language models (a folder with config.json, or a GGUF file):
  --text FILE          a text, or a .jsonl with {"text": …} a line, by the tokenizer of the (first) model
  --tokens FILE        token ids instead: an .npy of integers, a .bin of 16-bit numbers (32-bit ones if the vocabulary
                       needs them), or a .jsonl with {"input_ids": […]}, {"tokens": […]} or […] a line
  --plan P             a plan of the (first) model: its weights are compressed as they run, and nothing is saved; may be
                       repeated
  --stats FILE         statistics of the inputs, for plans that need them
  --windows N          windows that are taken, at most                (16)
  --seed S             take windows by chance instead of the first ones
  --length L           tokens of a window   (what the model was made for, at most 2048)
  --out FILE           calibrate: the new safetensors file, or a folder for it
  --overwrite          calibrate: replace FILE if it exists
  --memory MB          calibrate: what the Gram matrices of one block may take; layers that do not fit get means alone   (2048)
  --json               evaluate: print JSON instead of the report, with numbers of each window
`;
