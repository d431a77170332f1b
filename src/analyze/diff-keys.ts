import type { Frame } from '../model/frames.js';
import { arenaName } from '../model/labels.js';
import type { Labels, Profile, Sample } from '../model/profile.js';
import { type CodeName, moduleName } from './diff-names.js';
import type { GroupBy } from './group.js';
import { moduleOf } from './site.js';
import { type Site, siteReader } from './site-reader.js';

/** What the samples of a profile are grouped by. */
export interface ProfileKeys {
  readonly keyOf: (sample: Sample) => string;
  readonly siteOf: (sample: Sample) => Site;
}

/** Keys that are alike in several profiles: no line, address or process id is in them. */
export function alignedKeys(by: GroupBy, codeName: CodeName): (profile: Profile) => ProfileKeys {
  const number = numberCode(codeName);
  return (profile) => {
    const { siteOf } = siteReader(profile);
    const site = ({ stack }: Sample): Site => siteOf(stack);
    return { keyOf: keyBy(by, profile, site, number), siteOf: site };
  };
}

function numberCode(codeName: CodeName): (frame: Frame) => number {
  const ofFrame = new Map<Frame, number>();
  const ofName = new Map<string, number>();
  return (frame) => {
    let number = ofFrame.get(frame);
    if (number === undefined) {
      const name = codeName(frame);
      number = ofName.get(name) ?? ofName.size;
      ofName.set(name, number);
      ofFrame.set(frame, number);
    }
    return number;
  };
}

function keyBy(
  by: GroupBy,
  profile: Profile,
  siteOfSample: (sample: Sample) => Site,
  number: (frame: Frame) => number,
): ProfileKeys['keyOf'] {
  switch (by) {
    // Sites are compared by the numbers of their code. Rows of different allocators are not the same thing.
    case 'site':
      return (sample) => {
        const { user, js, callee } = siteOfSample(sample);
        const numbers = `${user ? number(user) : ''},${js ? number(js) : ''},${callee ? number(callee) : ''}`;
        return `${numbers} ${sample.labels.heap}`;
      };
    case 'module':
      return (sample) => moduleName(moduleOf(siteOfSample(sample)));
    default: {
      const textOf = labelText(profile, by);
      // Samples share labels: each is made a key once.
      const known = new Map<Labels, string>();
      return ({ labels }) => {
        const key = known.get(labels) ?? textOf(labels);
        known.set(labels, key);
        return key;
      };
    }
  }
}

/** What a profile's samples are grouped by that stands in their labels. */
function labelText(profile: Profile, by: Exclude<GroupBy, 'site' | 'module'>): (labels: Labels) => string {
  switch (by) {
    case 'heap':
      return ({ heap }) => heap;
    case 'pool':
      return ({ pool, heap }) => pool ?? `${heap} (no pool)`;
    case 'arena':
      return arenaName;
    case 'stage':
      return ({ stage }) => stage ?? '(no stage)';
    case 'label':
      return ({ label }) => label ?? '(no label)';
    case 'thread':
      return ({ thread }) => threadName(thread ?? '(unknown thread)');
    // Processes of one name are one.
    case 'process': {
      const names = new Map(profile.processes.map(({ pid, name }) => [pid, name]));
      return ({ pid }) => names.get(pid) ?? 'process';
    }
  }
}

/** Ids of threads say nothing of another run. */
export const threadName = (thread: string): string => thread.replace(/^tid \d+$/, '(native thread)');
