"""Writes test/unit/checkpoint/tensorflow/tensorflowFixtures.json: small models that TensorFlow itself wrote, with what it reads from them.

Run with TensorFlow installed:  python3 test/unit/checkpoint/tensorflow/tensorflowFixtures.py
The tests read only the JSON; this shows how it was made.
"""
import base64
import json
import os
import tempfile

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

random = np.random.default_rng(7)
fixtures = {}


def floats(*shape):
    return random.standard_normal(shape).astype(np.float32)


def expect(tensor):
    data = np.ascontiguousarray(tensor)
    return {'shape': list(np.shape(tensor)), 'dtype': str(data.dtype), 'bytes': data.tobytes().hex()}


def add(name, folder, opened, tensors):
    files = {}
    for place, _, names in os.walk(folder):
        for each in names:
            file = os.path.join(place, each)
            with open(file, 'rb') as content:
                files[os.path.relpath(file, folder)] = base64.b64encode(content.read()).decode()
    tensors = {key: expect(value) for key, value in tensors.items()}
    fixtures[name] = {'open': opened, 'files': files, 'tensors': tensors}


class Model(tf.Module):
    def __init__(self):
        self.kernel = tf.Variable(floats(3, 3, 3, 8), name='kernel')
        self.dense = tf.Variable(floats(8, 5), name='dense')
        self.bfloat = tf.Variable(tf.cast(floats(4, 4), tf.bfloat16))
        self.half = tf.Variable(tf.cast(floats(4, 4), tf.float16))
        self.bytes = tf.Variable(tf.cast(np.arange(6).reshape(2, 3), tf.int8))
        self.flags = tf.Variable([True, False])
        self.text = tf.Variable('text')
        self.list = [tf.Variable(floats(2, 2)) for _ in range(2)]

    @tf.function(input_signature=[tf.TensorSpec([1, 8, 8, 3], tf.float32)])
    def run(self, x):
        x = tf.nn.conv2d(x, self.kernel, 1, 'SAME')
        return tf.matmul(tf.reduce_mean(x, [1, 2]), self.dense)


model = Model()
variables = {name: getattr(model, name) for name in ('kernel', 'dense', 'bfloat', 'half', 'bytes', 'flags')}
variables.update({f'list/{i}': each for i, each in enumerate(model.list)})
values = {name: each.numpy() for name, each in variables.items()}

with tempfile.TemporaryDirectory() as folder:
    tf.train.Checkpoint(model=model).save(os.path.join(folder, 'step'))
    tensors = {f'model/{name}': value for name, value in values.items()}
    add('checkpoint of TensorFlow 2', folder, 'step-1.index', {**tensors, 'save_counter': np.int64(1)})

with tempfile.TemporaryDirectory() as folder:
    tf.saved_model.save(model, folder)
    add('SavedModel', folder, 'saved_model.pb', values)

    frozen = convert_variables_to_constants_v2(model.run.get_concrete_function()).graph.as_graph_def()
    weights = {'Conv2D/ReadVariableOp/resource': values['kernel'], 'MatMul/ReadVariableOp/resource': values['dense']}
    with tempfile.TemporaryDirectory() as inner:
        tf.io.write_graph(frozen, inner, 'frozen.pb', as_text=False)
        add('frozen graph', inner, 'frozen.pb', weights)

    def lite(name, quantise):
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        quantise(converter)
        content = converter.convert()
        interpreter = tf.lite.Interpreter(model_content=content)
        interpreter.allocate_tensors()
        constants = {}
        inputs = {each['name'] for each in interpreter.get_input_details() + interpreter.get_output_details()}
        for detail in interpreter.get_tensor_details():
            try:
                value = interpreter.get_tensor(detail['index'])
            except ValueError:
                continue
            parameters = detail['quantization_parameters']
            scales, axis = parameters['scales'].astype(np.float64), parameters['quantized_dimension']
            if value.ndim < 2 or detail['name'] in inputs:
                continue
            if scales.size > 0:
                shape = [1] * value.ndim
                shape[axis] = -1 if scales.size > 1 else 1
                zeros = parameters['zero_points'].astype(np.float64).reshape(shape)
                value = ((value - zeros) * scales.reshape(shape)).astype(np.float32)
            constants[detail['name']] = value
        with tempfile.TemporaryDirectory() as inner:
            with open(os.path.join(inner, 'model.tflite'), 'wb') as file:
                file.write(content)
            add(name, inner, 'model.tflite', constants)

    def samples():
        for _ in range(4):
            yield [floats(1, 8, 8, 3)]

    def optimised(converter):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    def whole(converter):
        optimised(converter)
        converter.representative_dataset = samples

    def halves(converter):
        optimised(converter)
        converter.target_spec.supported_types = [tf.float16]

    lite('TensorFlow Lite', lambda converter: None)
    lite('TensorFlow Lite, 16 bits', halves)
    lite('TensorFlow Lite, quantised', whole)

graph = tf.Graph()
with graph.as_default(), tempfile.TemporaryDirectory() as folder:
    one = tf.compat.v1.get_variable('one', initializer=floats(6, 4))
    partitioner = tf.compat.v1.fixed_size_partitioner(3)
    parts = tf.compat.v1.get_variable('parts', shape=(10, 4), partitioner=partitioner)
    with tf.compat.v1.Session() as session:
        session.run(tf.compat.v1.global_variables_initializer())
        tensors = dict(zip(('one', 'parts'), session.run([one, tf.convert_to_tensor(parts)])))
        saver = tf.compat.v1.train.Saver(save_relative_paths=True)
        saver.save(session, os.path.join(folder, 'model.ckpt'), write_meta_graph=False)
        add('checkpoint of TensorFlow 1, a variable in slices', folder, 'model.ckpt.index', tensors)

place = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'tensorflowFixtures.json')
with open(place, 'w') as file:
    json.dump({'tensorflow': tf.__version__, 'fixtures': fixtures}, file, indent=2)
    file.write('\n')
