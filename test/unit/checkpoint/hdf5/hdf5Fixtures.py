"""Writes test/unit/checkpoint/hdf5/hdf5Fixtures.json: small files made by h5py and Keras, with what h5py reads from them.

Run with h5py, ml_dtypes and Keras (and a backend of it) installed:  python3 test/unit/checkpoint/hdf5/hdf5Fixtures.py
The tests read only the JSON; this shows how it was made. Bytes are deflated, as most are zeros.
"""
import base64
import ctypes
import glob
import json
import os
import tempfile
import zlib

import h5py
import ml_dtypes
import numpy as np

fixtures = {}
folder = tempfile.mkdtemp()
path = os.path.join(folder, 'made.h5')


def values(dataset):
    """Shape, type and elements, little-endian, or None where they are no numbers."""
    kind = dataset.dtype.kind
    if dataset.attrs.get('dtype') == 'bfloat16':
        kind = 'f'
    elif kind not in 'fiubc' or dataset.dtype.hasobject or dataset.dtype == np.longdouble:
        return None
    array = dataset[()]
    if isinstance(array, h5py.Empty):
        return {'shape': [0], 'dtype': 'empty', 'bytes': b''}
    array = np.asarray(array)
    name = 'bfloat16' if dataset.attrs.get('dtype') == 'bfloat16' else array.dtype.newbyteorder('=').name
    return {'shape': list(array.shape), 'dtype': name, 'bytes': array.astype(array.dtype.newbyteorder('<')).tobytes()}


def contents(file):
    tensors = {}

    def visit(prefix, group):
        for key in group:
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                continue
            item = group[key]
            name = f'{prefix}{key}'
            if isinstance(item, h5py.Group):
                if item != file:
                    visit(f'{name}/', item)
            elif isinstance(item, h5py.Dataset):
                try:
                    tensors[name] = values(item)
                except OSError:
                    tensors[name] = None
    visit('', file)
    return {name: tensor and {**tensor, 'bytes': packed(tensor['bytes'])} for name, tensor in tensors.items()}


def packed(data):
    return base64.b64encode(zlib.compress(data, 9)).decode()


def add(name, fill, compared=True, **options):
    fcpl = options.pop('fcpl', None)
    if fcpl is None:
        file = h5py.File(path, 'w', **options)
    else:
        oldest = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
        oldest.set_libver_bounds(h5py.h5f.LIBVER_EARLIEST, h5py.h5f.LIBVER_LATEST)
        file = h5py.File(h5py.h5f.create(path.encode(), h5py.h5f.ACC_TRUNC, fcpl=fcpl, fapl=oldest))
    with file:
        fill(file)
    with h5py.File(path, 'r') as file:
        tensors = contents(file) if compared else {}
    with open(path, 'rb') as file:
        data = file.read()
    fixtures[name] = {'file': packed(data), 'tensors': tensors}


def ramp(*shape, dtype='f4', scale=1):
    return (np.arange(np.prod(shape, dtype=int)).reshape(shape) * scale + 1).astype(dtype)


def layouts(file):
    file['contiguous'] = ramp(4, 3)
    file['scalar'] = np.float32(2.5)
    file['empty rows'] = np.zeros((0, 3), 'f4')
    file['null'] = h5py.Empty('f4')
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((2, 3))
    compact = h5py.h5d.create(file.id, b'compact', h5py.h5t.IEEE_F32LE, space, plist)
    compact.write(h5py.h5s.ALL, h5py.h5s.ALL, ramp(2, 3))
    file.create_dataset('chunked', data=ramp(7, 5), chunks=(3, 2))
    file.create_dataset('one chunk', data=ramp(3, 4), chunks=(3, 4))
    file.create_dataset('one deflated chunk', data=ramp(3, 4), chunks=(3, 4), compression='gzip')
    file.create_dataset('deflated', data=ramp(7, 5), chunks=(3, 2), compression='gzip')
    file.create_dataset('shuffled', data=ramp(7, 5, scale=1000), chunks=(3, 2), compression='gzip', shuffle=True)
    file.create_dataset('checked', data=ramp(7, 5), chunks=(3, 2), fletcher32=True)
    file.create_dataset('all filters', data=ramp(6, 5, 4), chunks=(2, 3, 4), compression='gzip', shuffle=True, fletcher32=True)
    file.create_dataset('lzf', data=np.tile(ramp(6, 40), (1, 3)), chunks=(4, 120), compression='lzf')
    file.create_dataset('lzf, shuffled', data=np.sin(ramp(6, 40)), chunks=(4, 40), compression='lzf', shuffle=True)
    file.create_dataset('odd bytes', data=ramp(5, 3, dtype='u1'), chunks=(5, 1), fletcher32=True)
    file.create_dataset('never written', (3, 2), 'f4', fillvalue=1.5)
    sparse = file.create_dataset('partly written', (9, 4), 'f8', chunks=(2, 2), fillvalue=-3, compression='gzip')
    sparse[4:6, 1] = [7, 8]
    file.create_dataset('growing', data=ramp(5, 3), chunks=(2, 2), maxshape=(None, 3))
    file.create_dataset('growing sideways', data=ramp(3, 9), chunks=(2, 2), maxshape=(5, None), compression='gzip')
    file.create_dataset('growing both ways', data=ramp(5, 6), chunks=(2, 2), maxshape=(None, None))
    file.create_dataset('growing both ways, deflated', data=ramp(5, 6), chunks=(2, 2), maxshape=(None, None), compression='gzip')
    file.create_dataset('room to grow', data=ramp(3, 3), chunks=(2, 2), maxshape=(9, 8), compression='gzip')
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_chunk((2, 2))
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    early = h5py.h5d.create(file.id, b'allocated early', h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((3, 5), (7, 6)), early)
    early.write(h5py.h5s.ALL, h5py.h5s.ALL, ramp(3, 5))


add('layouts', layouts)
add('layouts, newest format', layouts, libver='latest')
add('layouts, format of 1.10', layouts, libver=('v110', 'v110'))
add('layouts, behind other bytes', layouts, userblock_size=1024)


def types(file):
    for order in '<>':
        for kind in ['f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'c8', 'c16']:
            file[f'{order}{kind}'] = (np.arange(6).reshape(2, 3) - (0 if kind[0] == 'u' else 2)).astype(f'{order}{kind}')
    file.create_dataset('> in chunks', data=ramp(3, 3, dtype='>f4'), chunks=(2, 2), fillvalue=7)
    file['bool'] = np.array([[True, False], [False, True]])
    file.create_dataset('enumeration', data=[0, 2, 1], dtype=h5py.enum_dtype({'a': 0, 'b': 1, 'c': 2}, 'u1'))
    file['bfloat16'] = np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16)
    file['bfloat16'].attrs['dtype'] = 'bfloat16'
    file['text'] = 'abc'
    file['texts of one length'] = np.array([b'ab', b'c'])
    file['records'] = np.zeros(2, [('a', 'f4'), ('b', 'i2')])
    file.create_dataset('lists', (2,), h5py.vlen_dtype('i4'))
    file['arrays'] = np.zeros(2, [('a', 'f4', (3,))])['a'].view([('x', 'f4', (3,))])
    file['raw'] = np.void(b'xyz')
    file['long double'] = np.longdouble(1.5)
    file['reference'] = np.array([file.ref], dtype=h5py.ref_dtype)
    file['named type'] = np.dtype('f4')
    file.create_dataset('of a named type', data=ramp(2, 2), dtype=file['named type'])


add('types', types)
add('types, newest format', types, libver='latest')


def filters(file):
    zstandard = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    zstandard.set_chunk((4, 4))
    zstandard.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
    h5py.h5d.create(file.id, b'zstandard', h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4, 4)), zstandard)
    file.create_dataset('scaled', data=ramp(4, 4, dtype='i4'), scaleoffset=0)
    file['plain'] = ramp(2)
    virtual = h5py.VirtualLayout((2,), 'f4')
    virtual[:] = h5py.VirtualSource('../../outside.h5', 'plain', (2,))
    file.create_virtual_dataset('virtual', virtual)
    file.create_dataset('elsewhere', (2,), 'f4', external=[('../../outside.bin', 0, 8)])


add('storage that is not read', filters)


def links(file):
    file['group/a'] = ramp(2, 2)
    file['group/second name'] = file['group/a']
    file['second group'] = file['group']
    file['group/root'] = file['/']
    file['soft'] = h5py.SoftLink('/group/a')
    file['dangling'] = h5py.SoftLink('/nowhere')
    file['external'] = h5py.ExternalLink('../../outside.h5', '/a')
    file['empty group'] = np.zeros(1)
    del file['empty group']
    file.create_group('empty group')


add('links', links)
add('links, newest format', links, libver='latest')


def many(file, links=40):
    first = file.create_dataset('layers/layer_000', data=ramp(2))
    for i in range(1, links):
        file[f'layers/layer_{i:03}' + 'x' * (i % 7)] = first
    file.create_dataset('chunks', data=ramp(15, 2), chunks=(1, 1), compression='gzip')


# Nodes of few entries, so that small trees have several levels; h5py itself does not offer it.
library = ctypes.CDLL(glob.glob(os.path.join(os.path.dirname(h5py.__file__), '..', 'h5py.libs', 'libhdf5-*'))[0])
narrow = h5py.h5p.create(h5py.h5p.FILE_CREATE)
library.H5Pset_sym_k(ctypes.c_int64(narrow.id), ctypes.c_uint(2), ctypes.c_uint(1))
library.H5Pset_istore_k(ctypes.c_int64(narrow.id), ctypes.c_uint(2))
add('trees of many levels', many, fcpl=narrow)


def manyNew(file):
    many(file, 120)
    file.create_dataset('pages', data=ramp(1100, 2, dtype='i2'), chunks=(1, 1))
    pages = file.create_dataset('a few of many pages', (4000,), 'i1', chunks=(1,))
    pages[3000:3002] = [1, 2]
    file.create_dataset('extensible', data=ramp(1500, dtype='i2'), chunks=(1,), maxshape=(None,))
    far = file.create_dataset('far in an extensible', (70000,), 'i1', chunks=(1,), maxshape=(None,))
    far[60000] = 5
    file.create_dataset('tree', data=ramp(30, 25, dtype='i1'), chunks=(1, 1), maxshape=(None, None))


add('indexes of many levels', manyNew, libver='latest')


def traps(file):
    """Little that asks for much; nothing of it is compared with what h5py reads."""
    file.create_dataset('largest chunk', data=np.zeros((4096, 4096), 'f4'), chunks=(4096, 4096), compression='gzip')
    file.create_dataset('too large a chunk', data=np.zeros((4097, 4096), 'f4'), chunks=(4097, 4096), compression='gzip')
    file.create_dataset('large plain chunk', (1 << 14, 1 << 14), 'f4', chunks=(1 << 14, 1 << 14))
    file.create_dataset('chunk over the edge', (4, 4), 'f4', chunks=(4, 1 << 22), maxshape=(4, None), compression='gzip')
    file.create_dataset('chunks over the edge', (64, 4), 'f4', chunks=(1, 1 << 22), maxshape=(64, None), compression='gzip')
    file.create_dataset('never written', (1 << 30, 1 << 9), 'f4')
    file.create_dataset('no chunk written', (1 << 30, 1 << 9), 'f4', chunks=(1, 1 << 9))
    file.create_dataset('sparse', (1 << 20, 64), 'f4', chunks=(1 << 10, 64), fillvalue=2)
    file['/'.join(['deep'] * 70) + '/weight'] = ramp(2)
    file['last'] = ramp(2)


add('traps', traps, compared=False)


def attributes(file):
    file.attrs['keras_version'] = '2.11.0'
    file.attrs['backend'] = np.bytes_('tensorflow')
    file.attrs['model_config'] = json.dumps({'class_name': 'Sequential', 'config': {'name': 's', 'layers': [
        {'class_name': 'Dense', 'config': {'name': 'b'}},
        {'class_name': 'Functional', 'config': {'name': 'a', 'layers': [{'class_name': 'Conv2D', 'config': {'name': 'c'}}]}},
    ]}})
    file.attrs['layer_names0'] = [b'layer_2', b'layer_1']
    file.attrs['layer_names1'] = [b'layer_0']
    file.attrs['numbers'] = np.array([1.5, -2], '>f8')
    file.attrs['flag'] = True
    file.attrs['complex'] = 1j
    file.attrs['none'] = h5py.Empty('f4')
    file.attrs['texts'] = ['ä', '', 'c']
    for i in range(12):
        file.attrs[f'more {i}'] = i
    for i in range(3):
        layer = file.create_group(f'layer_{i}')
        layer.attrs['weight_names'] = [f'layer_{i}/kernel:0'.encode(), f'layer_{i}/bias:0'.encode()]
        layer[f'layer_{i}/bias:0'] = ramp(2)
        layer[f'layer_{i}/kernel:0'] = ramp(2, 2)


def largeAttributes(file):
    attributes(file)
    file.attrs['large'] = np.array(b'x' * 70_000)


add('attributes', attributes)
add('attributes, newest format', largeAttributes, libver='latest')


os.environ.setdefault('KERAS_BACKEND', 'numpy')
import keras  # noqa: E402

keras.utils.set_random_seed(1)
inputs = keras.layers.Input((6, 6, 2), name='pixels')
x = keras.layers.Conv2D(3, 2, name='first')(inputs)
x = keras.layers.BatchNormalization()(x)
x = keras.layers.Flatten()(x)
model = keras.Model(inputs, keras.layers.Dense(4, name='a_last')(x))


def keep(name, suffix, save, inner=None):
    target = os.path.join(folder, f'model{suffix}')
    save(target)
    with open(target, 'rb') as file:
        data = file.read()
    if inner:
        import zipfile
        zipfile.ZipFile(target).extract(inner, folder)
        target = os.path.join(folder, inner)
    with h5py.File(target, 'r') as file:
        tensors = contents(file)
    fixtures[name] = {'file': packed(data), 'suffix': suffix, 'tensors': tensors}


keep('Keras, HDF5', '.h5', model.save)
keep('Keras 3, weights', '.weights.h5', model.save_weights)
keep('Keras 3', '.keras', model.save, inner='model.weights.h5')

target = os.path.join(os.path.dirname(__file__), 'hdf5Fixtures.json')
with open(target, 'w') as file:
    json.dump({'fixtures': fixtures}, file, indent=2)
    file.write('\n')
for name, fixture in fixtures.items():
    print(name, len(fixture['file']), sum(len(t['bytes']) for t in fixture['tensors'].values() if t))
