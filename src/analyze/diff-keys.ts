import type { Frame } from '../model/frames.js';
import { arenaName } from '../model/labels.js';
import { numberByText } from '../model/numbering.js';
import type { Labels, Profile, Sample } from '../model/profile.js';
import { type CodeName, moduleName } from './diff-names.js';
import type { GroupBy } from './group.js';
import { framesOfSite, moduleOf } from './site.js';
import { type Site, siteReader } from './site-reader.js';

/** What the samples of a profile are grouped by. */
export interface ProfileKeys {
  readonly keyOf: (sample: Sample) => string;
  readonly siteOf: (sample: Sample) => Site;
}

/** Keys that are alike in several profiles: no line, address or process id is in them. */
export function alignedKeys(by: GroupBy, codeName: CodeName): (profile: Profile) => ProfileKeys {
  const number = numberByText<Frame>(codeName);
  return (profile) => {
    const { siteOf } = siteReader(profile);
    const site = ({ stack }: Sample): Site => siteOf(stack);
    return { keyOf: keyBy(by, profile, site, number), siteOf: site };
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
      return (sample) => `${framesOfSite(siteOfSample(sample)).map(number)} ${sample.labels.heap}`;
    case 'module':
      return (sample) => moduleName(moduleOf(siteOfSample(sample)));
    default: {
      const textOf = labelText(profile, by);
      return ({ labels }) => textOf(labels);
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
