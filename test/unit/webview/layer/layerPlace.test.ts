import assert from 'node:assert/strict';
import { KeptPlace, type LayerPlace } from '../../../../webview/layer/layerPlace';

describe('the place where a layer was left', () => {
  const memory = (): { kept: LayerPlace | null; of: (layer: string) => KeptPlace } => {
    const state = {
      kept: null as LayerPlace | null,
      of: (layer: string): KeptPlace =>
        new KeptPlace({ read: () => state.kept, write: (place) => (state.kept = place) }, layer),
    };
    return state;
  };

  it('keeps scroll and the tail of each plot', () => {
    const state = memory();
    const place = state.of('a');
    place.scrolled(120);
    place.chose('Whole matrix', { rule: 'KS', xmin: 0.5 });
    place.chose('FARMS', { rule: 'xmin_mid', xmin: null });
    place.chose('Whole matrix', null);
    assert.deepEqual(state.kept, {
      layer: 'a',
      scroll: 120,
      tails: { FARMS: { rule: 'xmin_mid', xmin: null } },
      zooms: {},
    });
    assert.deepEqual(state.of('a').current, state.kept);
  });

  it('keeps the part of each plot that is shown, until all is', () => {
    const state = memory();
    const place = state.of('a');
    place.zoomed('FARMS', { x: [0.5, 2] });
    place.zoomed('Heat map', { x: [3, 9], y: [0, 4] });
    place.zoomed('FARMS', null);
    assert.deepEqual(state.kept!.zooms, { 'Heat map': { x: [3, 9], y: [0, 4] } });
    assert.equal(state.of('a').zoomOf('FARMS'), undefined);
    assert.deepEqual(state.of('a').zoomOf('Heat map'), { x: [3, 9], y: [0, 4] });
    assert.equal(state.of('b').zoomOf('Heat map'), undefined);
  });

  it('takes up what an older version kept', () => {
    const state = memory();
    const { zooms: _, ...older } = state.of('a').current;
    state.kept = older as LayerPlace;
    state.of('a').zoomed('FARMS', { x: [1, 2] });
    assert.deepEqual(state.kept.zooms, { FARMS: { x: [1, 2] } });
  });

  it('begins anew with another layer', () => {
    const state = memory();
    state.of('a').scrolled(120);
    assert.deepEqual(state.of('b').current, { layer: 'b', scroll: 0, tails: {}, zooms: {} });
    state.of('b').chose('FARMS', { rule: 'KS', xmin: 2 });
    assert.deepEqual(state.kept, { layer: 'b', scroll: 0, tails: { FARMS: { rule: 'KS', xmin: 2 } }, zooms: {} });
    assert.equal(state.of('a').current.scroll, 0);
  });
});
