import { createProfileBuilder } from '../model/builder.js';
import type { Recogniser } from '../model/recognise.js';
import type { Symbols } from '../recording/chunks.js';
import type { SiteNamer } from './ledger-samples.js';
import { indexModules } from './modules.js';
import { findOwnCode } from './own-code.js';
import type { ProcessRecording } from './process-recording.js';
import { createRuleLabeller } from './rule-labels.js';
import { createSiteLabeller } from './site-labels.js';
import { createStackReader } from './stacks.js';
import { indexSymbols } from './symbols.js';

/** Names what malloc's blocks are for without making a profile: the program's own names, and those of rules. */
export function createMallocNamer(
  recording: ProcessRecording,
  stored: Symbols | undefined,
  recogniser: Recogniser | undefined,
): SiteNamer {
  const { tables, mapLines } = recording;
  const labeller = createSiteLabeller(recording);
  if (stored === undefined) return (site) => labeller.labels(site);
  const symbols = indexSymbols(stored);
  const stacks = createStackReader(createProfileBuilder(), {
    tables,
    modules: indexModules(tables),
    symbols,
    ownCode: findOwnCode(mapLines),
    recogniser,
  });
  const labelByRule = createRuleLabeller(recogniser);
  return (site) => labelByRule(labeller.labels(site), stacks.read(site.node).rules);
}
