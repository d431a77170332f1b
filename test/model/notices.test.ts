import { expect, test } from 'vitest';
import { createNoticeTally, noticeText } from '../../src/model/notices.ts';

const notice = { code: 'V8_SAMPLER_OFF', message: 'no V8 samples: no binding' };

test('the same notice from several workers of a process is one, with its count and the pid', () => {
  const tally = createNoticeTally();
  for (let worker = 0; worker < 13; worker++) tally.add({ ...notice, pid: 4711 });
  tally.add({ code: 'OTHER', message: 'something else' });
  expect(tally.all()).toEqual([
    { ...notice, pid: 4711, count: 13 },
    { code: 'OTHER', message: 'something else' },
  ]);
  expect(tally.all().map(noticeText)).toEqual(['no V8 samples: no binding (13 times)', 'something else']);
});

test('from several processes it is about none of them; counts that were counted before add up', () => {
  const tally = createNoticeTally();
  tally.add({ ...notice, pid: 4711, count: 3 });
  tally.add({ ...notice, pid: 4712 });
  tally.add({ ...notice, pid: 4712 });
  expect(tally.all()).toEqual([{ ...notice, count: 5 }]);
  expect(tally.has(notice)).toBe(true);
});
