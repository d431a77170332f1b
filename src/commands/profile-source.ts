import type { Profile } from '../model/profile.js';

/** What `interpret/` offers to the commands. */
interface Interpretation {
  buildProfile(directory: string, options: { moment: 'end' | 'peak' }): Promise<Profile> | Profile;
  symbolizeFile(path: string): Promise<void> | void;
}

const INTERPRETATION = '../interpret/index.js';

/** Loaded late: `--help` and the start of the program do not wait for it. */
export async function loadInterpretation(): Promise<Interpretation> {
  return (await import(INTERPRETATION)) as Interpretation;
}
