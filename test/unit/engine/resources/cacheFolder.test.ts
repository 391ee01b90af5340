import assert from 'node:assert/strict';
import path from 'node:path';
import { cacheFolder } from '../../../../extension/engine/resources/cacheFolder';

describe('the terminal’s cache folder', () => {
  const usual = '/home/me/.cache/eigenscope/results';

  it('is in the user’s cache folder, wherever the platform has it', () => {
    assert.equal(cacheFolder({}, 'linux', '/home/me'), usual);
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '/scratch' }, 'linux', '/home/me'), '/scratch/eigenscope/results');
    assert.equal(cacheFolder({}, 'darwin', '/Users/me'), '/Users/me/Library/Caches/eigenscope');
    const local = 'C:\\Users\\me\\AppData\\Local';
    assert.equal(cacheFolder({ LOCALAPPDATA: local }, 'win32', 'C:\\Users\\me'), `${local}\\eigenscope\\Cache`);
  });

  it('takes no notice of an XDG_CACHE_HOME that is empty or relative', () => {
    for (const XDG_CACHE_HOME of ['', '.', 'cache', '../cache', '~/.cache']) {
      assert.equal(cacheFolder({ XDG_CACHE_HOME }, 'linux', '/home/me'), usual, XDG_CACHE_HOME);
    }
  });

  it('is none where not even the home folder is known', () => {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      for (const home of ['', 'me']) {
        assert.equal(cacheFolder({ XDG_CACHE_HOME: '', LOCALAPPDATA: '' }, platform, home), undefined);
      }
    }
  });

  it('is what EIGENSCOPE_CACHE_DIR says, unless that is empty', () => {
    assert.equal(cacheFolder({ EIGENSCOPE_CACHE_DIR: '/results' }, 'linux', ''), '/results');
    assert.equal(cacheFolder({ EIGENSCOPE_CACHE_DIR: 'here' }, 'linux', '/home/me'), path.posix.resolve('here'));
    assert.equal(cacheFolder({ EIGENSCOPE_CACHE_DIR: '' }, 'linux', '/home/me'), usual);
  });
});
